import { describe, expect, test } from 'vitest'
import { noProgress, type Progress, type TakenFile } from '../src/domain.ts'
import { advance, changedAfterTaken, isLate, lateReplay, pendingChanges } from '../src/landing/pending.ts'
import { changeAt, dayMs, hourMs, keys, progressAfter, takenOf } from './support/landing-files.ts'

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
