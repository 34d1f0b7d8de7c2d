import { describe, expect, test } from 'vitest'
import { type LandingFile, noProgress, type Progress } from '../src/domain.ts'
import { entryOf } from '../src/landing/move-progress.ts'
import { advanceReplay, replayLeft, withReplay } from '../src/landing/replay-mark.ts'

const name = (day: number) => `2024010${String(day)}-000000000.parquet`
const files = [1, 2, 3].map((day): LandingFile => {
  const file = { kind: 'change', name: name(day), key: name(day), path: `s/t/${name(day)}`, format: 'parquet' } as const
  return { ...file, sizeBytes: 1, modifiedMs: day, etag: String(day) }
})
const [first, second, third] = files as [LandingFile, LandingFile, LandingFile]
const taken = (...some: readonly LandingFile[]): Progress => ({
  ...noProgress,
  window: some.map((file) => entryOf(file)),
})
const commit = { version: 7, changes: files, takes: true, restores: false }

describe('a replay', () => {
  test('reaches up to the last file that is taken again, or that one before it had still to take', () => {
    expect(withReplay(taken(), [first, second]).replay).toEqual({ upTo: name(2) })
    expect(withReplay(withReplay(taken(), [third]), [first]).replay).toEqual({ upTo: name(3) })
    expect(withReplay(taken(first), []).replay).toBeUndefined()
  })

  test('is under way from the first commit that takes some of its files, and shown from the one that takes the last', () => {
    const begun = withReplay(taken(), [first, second])
    const moved = advanceReplay(taken(first, second), begun, { ...commit, takes: false })
    expect(moved).toMatchObject({ replay: { upTo: name(2) } })
    expect(moved.replay?.underWay).toBeUndefined()
    const half = advanceReplay(moved, { ...moved, window: taken(first).window }, commit)
    expect(half.replay).toEqual({ upTo: name(2), underWay: true })
    const whole = advanceReplay(half, { ...half, window: taken(first, second).window }, { ...commit, version: 8 })
    expect(whole).toMatchObject({ shownFrom: 8 })
    expect(whole.replay).toBeUndefined()
  })

  test('that one commit carries out is shown as any commit is', () => {
    const begun = withReplay(taken(), [first, second])
    const whole = advanceReplay(begun, { ...begun, window: taken(first, second).window }, commit)
    expect(whole.replay).toBeUndefined()
    expect(whole.shownFrom).toBeUndefined()
  })

  test('is not over while its last file is gone, and is when that was passed over', () => {
    const begun = withReplay(taken(first), [second])
    expect(replayLeft(begun, [first])).toEqual({ upTo: name(2) })
    const passed = { ...begun, window: [...begun.window, entryOf(second, 'skipped')] }
    expect(replayLeft(passed, [first])).toBeUndefined()
  })

  test('is ended by what makes the table anew, and is no more under way after a restore', () => {
    const half: Progress = { ...taken(first), replay: { upTo: name(2), underWay: true } }
    expect(advanceReplay(half, noProgress, commit)).toEqual({ ...noProgress, shownFrom: 7 })
    const restored = advanceReplay(half, half, { ...commit, takes: false, restores: true })
    expect(restored).toMatchObject({ replay: { upTo: name(2) }, shownFrom: 7 })
    expect(restored.replay?.underWay).toBeUndefined()
  })
})
