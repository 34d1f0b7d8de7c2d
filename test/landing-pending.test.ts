import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type LandingFile,
  type LoadGeneration,
  noLoad,
  noProgress,
  type Progress,
  type TakenFile,
} from '../src/domain.ts'
import { baseName, landingOrder } from '../src/landing/names.ts'
import {
  advance,
  changedAfterTaken,
  generationOf,
  isLate,
  lateReplay,
  leftOut,
  pendingChanges,
  settled,
} from '../src/landing/pending.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const noonMs = Date.parse('2024-06-12T12:00:00Z')
const keys = { primaryKey: ['id'], partitionKey: [] }

describe('pendingChanges', () => {
  test('with no progress everything is pending', () => {
    const changes = [changeAt(0), changeAt(1)]
    expect(pendingChanges(changes, noProgress)).toEqual(changes)
  })

  test('a file in the window is taken, its neighbours are not', () => {
    const changes = [changeAt(0), changeAt(1), changeAt(2)]
    const progress = progressAfter(noProgress, [changeAt(1)])
    expect(pendingChanges(changes, progress)).toEqual([changes[0], changes[2]])
  })

  test('a name before the look-back counts as taken', () => {
    const progress = progressAfter(noProgress, [changeAt(0)])
    expect(pendingChanges([changeAt(-24 * 60 - 1)], progress)).toEqual([])
    expect(pendingChanges([changeAt(-24 * 60)], progress)).toEqual([changeAt(-24 * 60)])
  })

  test('a window that begins at a file’s own name has taken it', () => {
    const adopted: Progress = { ...noProgress, cursor: changeAt(0).key, windowFrom: changeAt(0).name }
    expect(pendingChanges([changeAt(0), changeAt(1)], adopted)).toEqual([changeAt(1)])
  })

  test('two files of one base name in two folders are two files', () => {
    const [first, second] = [changeAt(0, { folder: '2024/06/' }), changeAt(0, { folder: '2024/12/' })]
    expect(pendingChanges([first, second], progressAfter(noProgress, [first]))).toEqual([second])
    expect(pendingChanges([first, second], progressAfter(noProgress, [second]))).toEqual([first])
  })
})

describe('changedAfterTaken', () => {
  test('is a file of the window with another ETag, and not pending', () => {
    const progress = progressAfter(noProgress, [changeAt(0), changeAt(1)])
    const changed = changeAt(0, { etag: 'other' })
    expect(changedAfterTaken([changed, changeAt(1), changeAt(2)], progress)).toEqual([changed])
    expect(pendingChanges([changed, changeAt(1)], progress)).toEqual([])
  })

  test.each(['skipped', 'before-load'] as const)(
    'a file that was passed over (%s) stays so, whatever it holds',
    (passedOver) => {
      const progress = advance(noProgress, [{ ...takenOf(changeAt(0)), passedOver }], {
        ...keys,
        lookBackMs: dayMs,
        stillPending: [],
      })
      const changed = changeAt(0, { etag: 'other' })
      expect(changedAfterTaken([changed], progress)).toEqual([])
      expect(pendingChanges([changed], progress)).toEqual([])
    },
  )

  test('once its new identity is taken it is settled, and not counted again', () => {
    const changed = changeAt(0, { etag: 'other' })
    const progress = progressAfter(progressAfter(noProgress, [changeAt(0), changeAt(1)]), [changed])
    expect(changedAfterTaken([changed, changeAt(1)], progress)).toEqual([])
    expect(progress).toMatchObject({ changeFilesTaken: 2, cursor: changeAt(1).key })
  })
})

describe('isLate', () => {
  const progress = progressAfter(noProgress, [changeAt(10)])

  test('before the cursor is late, after it is not', () => {
    expect(isLate(changeAt(9), progress)).toBe(true)
    expect(isLate(changeAt(11), progress)).toBe(false)
  })

  test('goes by base name, not by folder', () => {
    expect(
      isLate(changeAt(11, { folder: '01/2024/' }), progressAfter(noProgress, [changeAt(10, { folder: '12/2023/' })])),
    ).toBe(false)
  })

  test('the cursor’s own file, changed, is late', () => {
    expect(isLate(changeAt(10, { etag: 'other' }), progress)).toBe(true)
  })

  test('nothing is late before the first file was taken', () => {
    expect(isLate(changeAt(-1_000_000), noProgress)).toBe(false)
  })
})

describe('lateReplay', () => {
  test('repeats the late file and every taken file after it, in order', () => {
    const changes = [changeAt(0), changeAt(1), changeAt(2), changeAt(3), changeAt(4)]
    const progress = progressAfter(noProgress, [changeAt(0), changeAt(2), changeAt(3)])
    expect(lateReplay(changes, progress, [changeAt(1)])).toEqual({
      kind: 'replay',
      files: [changeAt(1), changeAt(2), changeAt(3)],
    })
  })

  test('of several late files the first decides; pending files that are not late stay out', () => {
    const changes = [changeAt(0), changeAt(1), changeAt(2), changeAt(3), changeAt(4)]
    const progress = progressAfter(noProgress, [changeAt(1), changeAt(3)])
    const files = [changeAt(0), changeAt(1), changeAt(2), changeAt(3)]
    expect(lateReplay(changes, progress, [changeAt(2), changeAt(0)])).toEqual({ kind: 'replay', files })
  })

  test('a file that was passed over is not repeated, and not missed', () => {
    const skipped: TakenFile = { ...takenOf(changeAt(2)), passedOver: 'skipped' }
    const progress = advance(noProgress, [skipped, takenOf(changeAt(3))], {
      ...keys,
      lookBackMs: dayMs,
      stillPending: [],
    })
    const replay = { kind: 'replay', files: [changeAt(1), changeAt(3)] }
    expect(lateReplay([changeAt(1), changeAt(2), changeAt(3)], progress, [changeAt(1)])).toEqual(replay)
    expect(lateReplay([changeAt(1), changeAt(3)], progress, [changeAt(1)])).toEqual(replay)
  })

  test('a changed file is repeated with its new content', () => {
    const changed = changeAt(0, { etag: 'other' })
    const progress = progressAfter(noProgress, [changeAt(0), changeAt(1)])
    expect(lateReplay([changed, changeAt(1)], progress, [changed])).toEqual({
      kind: 'replay',
      files: [changed, changeAt(1)],
    })
  })

  test('taken files after it that are gone make it impossible, those before it do not', () => {
    const progress = progressAfter(noProgress, [changeAt(0), changeAt(2), changeAt(3)])
    expect(lateReplay([changeAt(1), changeAt(3)], progress, [changeAt(1)])).toEqual({
      kind: 'gone',
      missing: [changeAt(2).key],
    })
    expect(lateReplay([changeAt(1), changeAt(2), changeAt(3)], progress, [changeAt(1)])).toMatchObject({
      kind: 'replay',
    })
  })
})

describe('advance', () => {
  test('the cursor is the greatest key in landing order, also after a late file', () => {
    const progress = progressAfter(noProgress, [
      changeAt(5, { folder: '12/2023/' }),
      changeAt(6, { folder: '01/2024/' }),
    ])
    expect(progress.cursor).toBe(changeAt(6, { folder: '01/2024/' }).key)
    expect(progressAfter(progress, [changeAt(0)]).cursor).toBe(progress.cursor)
  })

  test('the window forgets what lies before the look-back', () => {
    const progress = progressAfter(progressAfter(noProgress, [changeAt(0), changeAt(60)]), [changeAt(24 * 60 + 30)])
    expect(progress).toEqual({
      cursor: '20240613-123000000.parquet',
      windowFrom: '20240612-123000000',
      window: [changeAt(60), changeAt(24 * 60 + 30)].map(takenOf),
      changeFilesTaken: 3,
      ...keys,
    })
  })

  test('a pending file holds the window back until it is taken, however old it grows', () => {
    const stuck = changeAt(30)
    const progress = progressAfter(noProgress, [changeAt(0), changeAt(60)], { stillPending: [stuck] })
    const later = progressAfter(progress, [changeAt(100 * 60)], { stillPending: [stuck] })
    expect(later.windowFrom).toBe('20240612-123000000')
    expect(later.window.map((entry) => entry.key)).toEqual([changeAt(60).key, changeAt(100 * 60).key])
    expect(pendingChanges([stuck], later)).toEqual([stuck])
    const freed = progressAfter(later, [stuck])
    expect(freed.windowFrom).toBe('20240615-160000000')
    expect(freed.window.map((entry) => entry.key)).toEqual([changeAt(100 * 60).key])
  })

  test('a longer look-back from now on does not move the window back', () => {
    const progress = progressAfter(noProgress, [changeAt(0)], { lookBackMs: hourMs })
    expect(progressAfter(progress, [changeAt(1)], { lookBackMs: 30 * dayMs }).windowFrom).toBe(progress.windowFrom)
  })

  test('without a look-back the cursor’s own file is known still', () => {
    const progress = progressAfter(noProgress, [changeAt(0), changeAt(1)], { lookBackMs: 0 })
    expect(pendingChanges([changeAt(0), changeAt(1), changeAt(2)], progress)).toEqual([changeAt(2)])
    expect(changedAfterTaken([changeAt(1, { etag: 'other' })], progress)).toHaveLength(1)
  })

  test('a commit that takes no change file moves nothing but the keys', () => {
    expect(progressAfter(noProgress, [])).toEqual({ ...noProgress, ...keys })
    const progress = progressAfter(noProgress, [changeAt(0)])
    expect(
      advance(progress, [], { lookBackMs: dayMs, stillPending: [], primaryKey: null, partitionKey: ['day'] }),
    ).toEqual({
      ...progress,
      primaryKey: null,
      partitionKey: ['day'],
    })
  })

  test('counts a file once: not when it is repeated, not when it is passed over, but when it is taken after that', () => {
    const options = { ...keys, lookBackMs: dayMs, stillPending: [] }
    const skipped: TakenFile = { ...takenOf(changeAt(1)), passedOver: 'skipped' }
    const passed = advance(noProgress, [takenOf(changeAt(0)), skipped], options)
    expect(passed).toMatchObject({
      changeFilesTaken: 1,
      cursor: changeAt(1).key,
      window: [{}, { passedOver: 'skipped' }],
    })
    const repeated = advance(passed, [takenOf(changeAt(0))], options)
    expect(repeated.changeFilesTaken).toBe(1)
    const taken = advance(repeated, [takenOf(changeAt(1))], options)
    expect(taken).toMatchObject({ changeFilesTaken: 2, window: [takenOf(changeAt(0)), takenOf(changeAt(1))] })
  })

  test('a cursor written by hand, without a time, is a starting point', () => {
    const progress = progressAfter({ ...noProgress, cursor: '0.parquet', windowFrom: '0.parquet' }, [])
    expect(progress).toMatchObject({ cursor: '0.parquet', windowFrom: '0.parquet' })
    expect(pendingChanges([changeAt(0)], progress)).toHaveLength(1)
  })
})

describe('any history of arrivals within the look-back', () => {
  const lookBackMinutes = 90
  const folder = fc.constantFrom('', '12/2024/', '01/2025/')
  const arrive = fc.record({
    kind: fc.constant('arrive' as const),
    minutes: fc.integer({ min: -200, max: 120 }),
    folder,
  })
  const run = fc.record({
    kind: fc.constant('run' as const),
    takes: fc.array(fc.constantFrom('take', 'take', 'take', 'leave', 'skip'), { maxLength: 12 }),
    /** Files that turn up between the listing and the commit. */
    meanwhile: fc.array(arrive, { maxLength: 2 }),
  })
  const histories = fc.array(fc.oneof({ weight: 3, arbitrary: arrive }, run), { maxLength: 60 })

  test('every file is taken or passed over exactly once, and nothing pending is forgotten', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const landing = simulatedLanding(lookBackMinutes)
        let progress = noProgress
        const seen: string[] = []
        let taken = 0
        const runOnce = (takes: readonly string[], meanwhile: () => void) => {
          const listed = landing.list()
          const pending = pendingChanges(listed, progress)
          const decided = pending.map((file, i) => ({ file, what: takes[i] ?? 'leave' }))
          const used = decided.filter(({ what }) => what !== 'leave')
          meanwhile()
          const before = progress
          progress = advance(
            progress,
            used.map(({ file, what }) => ({
              ...takenOf(file),
              ...(what === 'skip' && { passedOver: 'skipped' as const }),
            })),
            {
              ...keys,
              lookBackMs: lookBackMinutes * 60_000,
              stillPending: decided.filter((d) => d.what === 'leave').map((d) => d.file),
            },
          )
          seen.push(...used.map(({ file }) => file.key))
          taken += used.filter(({ what }) => what === 'take').length
          expectSound(before, progress)
        }
        for (const event of history) {
          if (event.kind === 'arrive') landing.arrive(event)
          else runOnce(event.takes, () => event.meanwhile.forEach(landing.arrive))
          const known = new Set([...seen, ...pendingChanges(landing.list(), progress).map((file) => file.key)])
          expect(landing.list().filter((file) => !known.has(file.key))).toEqual([])
        }
        runOnce(new Array(200).fill('take'), () => {})
        expect(pendingChanges(landing.list(), progress)).toEqual([])
        expect([...seen].sort()).toEqual(
          landing
            .list()
            .map((file) => file.key)
            .sort(),
        )
        expect(progress.changeFilesTaken).toBe(taken)
        expect(progress.cursor).toBe(landing.list().at(-1)?.key ?? null)
      }),
      { numRuns: 400 },
    )
  })

  test('applying in the order of arrival with replays ends like applying in the order of names', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const landing = simulatedLanding(lookBackMinutes)
        let progress = noProgress
        /** Stands for the table: what was applied last, per one of three keys. */
        let table: readonly string[] = []
        const apply = (files: readonly LandingFile[]) => {
          const names = files.map((file) => file.key)
          table = [...table.filter((key) => !names.includes(key)), ...names]
        }
        const runOnce = () => {
          const pending = pendingChanges(landing.list(), progress)
          const late = pending.filter((file) => isLate(file, progress))
          const onTime = pending.filter((file) => !isLate(file, progress))
          const replay = late.length === 0 ? null : lateReplay(landing.list(), progress, late)
          const again = replay === null ? [] : replay.kind === 'replay' ? replay.files : expect.fail('nothing is gone')
          apply([...again, ...onTime])
          const all = [...again, ...onTime].map(takenOf)
          progress = advance(progress, all, { ...keys, lookBackMs: lookBackMinutes * 60_000, stillPending: [] })
        }
        for (const event of history) event.kind === 'arrive' ? landing.arrive(event) : runOnce()
        runOnce()
        expect(table).toEqual(landing.list().map((file) => file.key))
        expect(progress.changeFilesTaken).toBe(landing.list().length)
      }),
      { numRuns: 300 },
    )
  })

  test('a skipped file is remembered for good, however old it is', () => {
    const options = { lookBackMs: 60_000, stillPending: [], primaryKey: null, partitionKey: [] }
    const entry = (key: string) => ({ key, etag: 'e', sizeBytes: 1, sha256: null })
    const skipped = { ...entry('20240101-000000000.parquet'), passedOver: 'skipped' as const }
    const then = advance(noProgress, [skipped, entry('20240101-000000001.parquet')], options)
    const now = advance(then, [entry('20240301-000000000.parquet')], options)
    expect(now.window.map(({ key }) => key)).toEqual([skipped.key, '20240301-000000000.parquet'])
  })

  function expectSound(before: Progress, now: Progress): void {
    if (before.windowFrom !== null) expect(now.windowFrom !== null && now.windowFrom >= before.windowFrom).toBe(true)
    if (before.cursor !== null) expect(landingOrder(before.cursor, now.cursor as string)).toBeLessThanOrEqual(0)
    for (const { key, passedOver } of now.window)
      expect(now.windowFrom === null || passedOver === 'skipped' || baseName(key) > now.windowFrom).toBe(true)
    expect(now.window.map((entry) => entry.key)).toEqual(
      [...new Set(now.window.map((entry) => entry.key))].sort(landingOrder),
    )
  }

  /** A landing in which no file is named earlier than the look-back before the newest that is there. */
  function simulatedLanding(lateMinutesMax: number) {
    const files = new Map<string, LandingFile>()
    let newestMinute = 0
    return {
      arrive: (event: { minutes: number; folder: string }) => {
        const minute = newestMinute + Math.max(event.minutes, -lateMinutesMax)
        newestMinute = Math.max(newestMinute, minute)
        const file = changeAt(minute, { folder: event.folder })
        files.set(file.key, file)
      },
      list: () => [...files.values()].sort((a, b) => landingOrder(a.key, b.key)),
    }
  }
})

describe('generationOf', () => {
  const loads = [load(1), load(2)]
  const loaded: LoadGeneration = { generation: 1, files: loads.map(takenOf), newestModifiedMs: noonMs }

  test('no LOAD file, now or ever, is a table of changes only', () => {
    expect(generationOf([], noLoad)).toEqual({ kind: 'none' })
  })

  test('LOAD files with none taken are the first load', () => {
    expect(generationOf(loads, noLoad)).toEqual({ kind: 'first', files: loads })
  })

  test('the same files are the same, also with a new date', () => {
    expect(generationOf(loads, loaded)).toEqual({ kind: 'same' })
    expect(generationOf([load(1, { modifiedMs: noonMs + dayMs }), load(2)], loaded)).toEqual({ kind: 'same' })
  })

  test('files that are gone change nothing', () => {
    expect(generationOf([load(2)], loaded)).toEqual({ kind: 'same' })
    expect(generationOf([], loaded)).toEqual({ kind: 'same' })
  })

  test('a further LOAD file belongs to the generation', () => {
    expect(generationOf([...loads, load(3)], loaded)).toEqual({ kind: 'late', files: [load(3)] })
  })

  test('a taken LOAD file with another ETag is suspected to replace the table, with all files present', () => {
    const now = [load(1, { etag: 'other' }), load(3)]
    expect(generationOf(now, loaded)).toEqual({ kind: 'replaced', files: now, suspects: [now[0]] })
  })

  test('suspects whose content turned out equal are as they were', () => {
    const now = [load(1, { etag: 'other' }), load(2, { etag: 'other' }), load(3)]
    expect(generationOf(now, loaded, new Set([load(1).key]))).toMatchObject({ kind: 'replaced', suspects: [now[1]] })
    expect(generationOf(now, loaded, new Set([load(1).key, load(2).key]))).toEqual({ kind: 'late', files: [load(3)] })
  })

  test('a LOAD file that was skipped and came again is a reload', () => {
    const skipped: LoadGeneration = { ...loaded, files: [{ ...takenOf(load(1)), passedOver: 'skipped' }] }
    expect(generationOf([load(1)], skipped)).toEqual({ kind: 'same' })
    expect(generationOf([load(1, { etag: 'other' })], skipped)).toMatchObject({ kind: 'replaced' })
  })
})

describe('leftOut', () => {
  const loads = [load(1, { modifiedMs: noonMs }), load(2, { modifiedMs: noonMs + hourMs })]
  const named = (minutes: number, objectMinutes: number) =>
    changeAt(minutes, { modifiedMs: noonMs + objectMinutes * 60_000 })

  test.each([
    ['name and object before the oldest LOAD object', named(-1, -1), true],
    ['an object from after it (a copy, a late upload)', named(-1, 1), false],
    ['a name from after it', named(1, -1), false],
    ['between the oldest and the newest LOAD object', named(30, 30), false],
    ['exactly at the oldest', named(0, 0), false],
  ])('%s', (_what, file, isLeftOut) => {
    expect(leftOut([file], loads, 'UTC')).toEqual(isLeftOut ? [file] : [])
  })

  test('reads names in the zone of the landing', () => {
    const file = named(60, -1)
    expect(leftOut([file], loads, 'UTC')).toEqual([])
    expect(leftOut([file], loads, 'Europe/Berlin')).toEqual([file])
  })

  test('in the hour that the clocks show twice the object’s date decides', () => {
    const change = (modified: string) => ({ ...changeAt(0), ...named20241027, modifiedMs: Date.parse(modified) })
    const named20241027 = { name: '20241027-023000000.parquet', key: '20241027-023000000.parquet' }
    const fullLoad = [load(1, { modifiedMs: Date.parse('2024-10-27T01:00:00Z') })]
    const [before, afterwards] = [change('2024-10-27T00:31:00Z'), change('2024-10-27T01:31:00Z')]
    expect(leftOut([before, afterwards], fullLoad, 'Europe/Berlin')).toEqual([before])
  })

  test('without LOAD files nothing is left out', () => {
    expect(leftOut([named(-1, -1)], [], 'UTC')).toEqual([])
  })
})

describe('settled', () => {
  const loads = [load(1, { modifiedMs: noonMs }), load(2, { modifiedMs: noonMs + hourMs })]

  test('the newest LOAD object must be that old', () => {
    expect(settled(loads, noonMs + 2 * hourMs - 1, hourMs)).toBe(false)
    expect(settled(loads, noonMs + 2 * hourMs, hourMs)).toBe(true)
  })

  test('no settle time is no waiting, also with a clock that runs behind', () => {
    expect(settled(loads, noonMs - dayMs, 0)).toBe(true)
  })
})

type Details = { readonly folder?: string; readonly etag?: string; readonly modifiedMs?: number }

/** A change file named after a time so many minutes after noon. */
function changeAt(minutes: number, details: Details = {}): LandingFile {
  const time = new Date(noonMs + minutes * 60_000)
    .toISOString()
    .replace(/[-:.Z]/g, '')
    .replace('T', '-')
  return { kind: 'change', ...file(`${time}.parquet`, details) }
}

function load(n: number, details: Details = {}): LandingFile {
  return { kind: 'load', ...file(`LOAD0000000${n}.parquet`, details) }
}

function file(name: string, { folder = '', etag = 'first', modifiedMs = noonMs }: Details) {
  const key = `${folder}${name}`
  return { name, key, path: `sales/orders/${key}`, format: 'parquet', sizeBytes: 4, modifiedMs, etag } as const
}

function takenOf({ key, etag, sizeBytes }: LandingFile): TakenFile {
  return { key, etag, sizeBytes, sha256: null }
}

function progressAfter(
  progress: Progress,
  files: readonly LandingFile[],
  options: { stillPending?: LandingFile[]; lookBackMs?: number } = {},
) {
  return advance(progress, files.map(takenOf), { ...keys, lookBackMs: dayMs, stillPending: [], ...options })
}
