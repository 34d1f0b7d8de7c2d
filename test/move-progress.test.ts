import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type LandingFile, noProgress, type Progress } from '../src/domain.ts'
import {
  entryOf,
  goneAfter,
  moveBack,
  moveForward,
  startBehind,
  startOver,
  takenUpTo,
} from '../src/landing/move-progress.ts'
import { landingOrder } from '../src/landing/names.ts'
import { advance, appliedChanges, pendingChanges } from '../src/landing/pending.ts'

const lookBackMs = 24 * 3_600_000

/** Twelve files, six hours apart, so that a look-back holds some four. Two share a name in different folders. */
const files: readonly LandingFile[] = Array.from({ length: 12 }, (_, at) => {
  const hour = at === 7 ? 36 : at * 6
  const name = `202401${String(1 + Math.floor(hour / 24)).padStart(2, '0')}-${String(hour % 24).padStart(2, '0')}0000000.parquet`
  const key = at === 7 ? `2024/${name}` : name
  return {
    kind: 'change' as const,
    name,
    key,
    path: `s/t/${key}`,
    format: 'parquet' as const,
    sizeBytes: 1,
    modifiedMs: 0,
    etag: String(at),
  }
}).sort((a, b) => landingOrder(a.key, b.key))

const keysOf = (found: readonly { readonly key: string }[]) => found.map(({ key }) => key)

function taken(progress: Progress, upTo: number): Progress {
  const pending = pendingChanges(files, progress)
  const now = pending.filter(({ key }) => files.findIndex((file) => file.key === key) < upTo)
  const stillPending = pending.filter((file) => !now.includes(file))
  const options = { lookBackMs, stillPending, primaryKey: ['id'], partitionKey: [] }
  return advance(
    progress,
    now.map((file) => entryOf(file)),
    options,
  )
}

const at = fc.integer({ min: 0, max: files.length - 1 })

describe('the progress moved back', () => {
  test('makes exactly the files behind the point pending again, and counts as if they had never come', () => {
    fc.assert(
      fc.property(at, at, (upTo, back) => {
        const progress = taken(noProgress, upTo + 1)
        const point = files[back] as LandingFile
        const before = moveBack(files, progress, { before: point.key }, [])
        expect(keysOf(pendingChanges(files, before))).toEqual(keysOf(files.slice(Math.min(back, upTo + 1))))
        expect(before.changeFilesTaken).toBe(Math.min(back, upTo + 1))
        const after = moveBack(files, progress, { after: point.key }, [])
        expect(keysOf(pendingChanges(files, after))).toEqual(keysOf(files.slice(Math.min(back + 1, upTo + 1))))
        expect(after.cursor).toBe(point.key)
        expect(taken(before, files.length).changeFilesTaken).toBe(files.length)
        expect(pendingChanges(files, taken(before, files.length))).toEqual([])
      }),
    )
  })

  test('and forward in any order, the files passed over and those taken are all that there are', () => {
    const step = fc.record({ kind: fc.constantFrom('back', 'forward', 'take'), to: at })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
        let progress: Progress = noProgress
        for (const { kind, to } of steps) {
          const { key } = files[to] as LandingFile
          if (kind === 'take') progress = taken(progress, to + 1)
          else if (kind === 'forward') progress = moveForward(files, progress, key).progress
          else progress = moveBack(files, progress, { before: key }, [])
          const pending = pendingChanges(files, progress)
          const passed = progress.window.filter(({ passedOver }) => passedOver === 'cursor')
          const applied = appliedChanges(files, progress, [])
          expect(applied).toHaveLength(progress.changeFilesTaken)
          expect(keysOf([...pending, ...passed, ...applied]).sort()).toEqual(keysOf(files).sort())
        }
      }),
    )
  })

  test('leaves out what the full load left out, and what was skipped unless it is named', () => {
    const [first, second, third] = files as [LandingFile, LandingFile, LandingFile]
    const options = { lookBackMs, stillPending: [], primaryKey: ['id'], partitionKey: [] }
    const progress = advance(noProgress, [entryOf(first), entryOf(second, 'skipped'), entryOf(third)], options)
    const landed = [first, second, third]
    expect(pendingChanges(landed, moveBack(landed, progress, { after: null }, [first]))).toEqual([third])
    expect(pendingChanges(landed, moveBack(landed, progress, { before: second.key }, []))).toEqual([second, third])
  })
})

test('of gone files only those behind the first that is taken again are missed', () => {
  const [first, second, third] = files as [LandingFile, LandingFile, LandingFile]
  expect(goneAfter(second, keysOf([first, second, third]), [second])).toEqual([third.key])
  expect(goneAfter(undefined, keysOf([first]), [])).toEqual([])
})

test('a table that begins behind a file has nothing of what lies before', () => {
  const start = startBehind((files[4] as LandingFile).key)
  expect(keysOf(pendingChanges(files, start))).toEqual(keysOf(files.slice(5)))
  expect(appliedChanges(files, start, [])).toEqual([])
  expect(startOver(start)).toEqual(start)
  const back = moveBack(files, start, { after: (files[1] as LandingFile).key }, [])
  expect(keysOf(pendingChanges(files, back))).toEqual(keysOf(files.slice(2)))
  expect(back.changeFilesTaken).toBe(0)
})

test('a table that another job brought up to a file was made of all before it, and knows the last of them by content', () => {
  const progress = takenUpTo(files, (files[8] as LandingFile).key, lookBackMs)
  expect(keysOf(pendingChanges(files, progress))).toEqual(keysOf(files.slice(9)))
  expect(keysOf(appliedChanges(files, progress, []))).toEqual(keysOf(files.slice(0, 9)))
  expect(progress.changeFilesTaken).toBe(9)
  expect(progress.window.length).toBeGreaterThan(2)
  expect(progress.window.length).toBeLessThan(9)
})
