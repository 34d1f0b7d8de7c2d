import { describe, expect, test } from 'vitest'
import {
  chooseWrite,
  defaultWriteCosts,
  s3WriteCosts,
  type TouchedGroup,
  type TouchedLayout,
} from '../src/load-incremental/choose-write.ts'

const mebibyte = 2 ** 20
const untouched = { changed: [], lost: 0 }

/** Five row groups of ten columns; each chunk weighs a fiftieth of the file. */
function layoutOf(
  sizeBytes: number,
  touched: Partial<Record<number, Partial<TouchedGroup>>>,
  more: Partial<TouchedLayout> = {},
): TouchedLayout {
  const chunkBytes = Array.from({ length: 10 }, () => sizeBytes / 50)
  const groups = [0, 1, 2, 3, 4].map((at) => ({ at, rows: 122_880, chunkBytes, ...untouched, ...touched[at] }))
  return { sizeBytes, deadBytes: 0, rows: 5 * 122_880, groups, arrivals: 0, ...more }
}
const choose = (layout: TouchedLayout) => chooseWrite(defaultWriteCosts, layout)
const updated = (...changed: number[]) => ({ changed })

describe('a touched file', () => {
  test('is spliced where few of its bytes change, and the bytes are those of the chunks', () => {
    const sizeBytes = 50 * mebibyte
    expect(choose(layoutOf(sizeBytes, { 1: updated(3), 4: updated(3, 7) }))).toEqual({
      kind: 'splice',
      inPlace: new Map([
        [1, [3]],
        [4, [3, 7]],
      ]),
      whole: [],
      arrivals: 0,
      joined: false,
      bytes: 3 * mebibyte,
    })
  })

  test('of a megabyte is written whole: requests cost more than its bytes', () => {
    expect(choose(layoutOf(mebibyte, { 1: updated(3) }))).toEqual({ kind: 'rewrite', bytes: mebibyte })
  })

  test('is written whole where a splice would encode nearly as much', () => {
    const touched = Object.fromEntries([0, 1, 2, 3, 4].map((at) => [at, updated(1, 2, 3, 4, 5, 6, 7, 8, 9)]))
    expect(choose(layoutOf(50 * mebibyte, touched)).kind).toBe('rewrite')
  })

  test('is written whole where a row group is all there is, or all lose rows', () => {
    const touched = Object.fromEntries([0, 1, 2, 3, 4].map((at) => [at, { lost: 1 }]))
    expect(choose(layoutOf(50 * mebibyte, touched)).kind).toBe('rewrite')
  })

  test('has row groups that lose rows, or change in their first column, encoded whole', () => {
    expect(choose(layoutOf(50 * mebibyte, { 0: { lost: 1, ...updated(3) }, 3: updated(9) }))).toMatchObject({
      whole: [0],
    })
    const one = choose(layoutOf(50 * mebibyte, { 2: updated(0, 3), 3: updated(9) }))
    const inPlace = new Map([[3, [9]]])
    expect(one).toEqual({ kind: 'splice', inPlace, whole: [2], arrivals: 0, joined: false, bytes: 11 * mebibyte })
  })

  test('takes rows that arrive in a row group of their own, or with a small one', () => {
    const sizeBytes = 50 * mebibyte
    const arrivals = 12_288
    expect(choose(layoutOf(sizeBytes, { 1: updated(3) }, { arrivals }))).toMatchObject({
      whole: [],
      bytes: 2 * mebibyte,
    })
    const small = choose(layoutOf(sizeBytes, { 1: updated(3), 4: { rows: 1_000 } }, { arrivals }))
    expect(small).toMatchObject({ kind: 'splice', whole: [4] })
    expect(choose(layoutOf(sizeBytes, { 1: updated(3), 4: { rows: 1_000 } }))).toMatchObject({ whole: [] })
  })

  test('with more than 30 % of dead bytes is written whole, without them', () => {
    const sizeBytes = 100 * mebibyte
    expect(choose(layoutOf(sizeBytes, { 1: updated(3) }, { deadBytes: 28 * mebibyte })).kind).toBe('splice')
    expect(choose(layoutOf(sizeBytes, { 1: updated(3) }, { deadBytes: 30 * mebibyte }))).toEqual({
      kind: 'rewrite',
      bytes: 70 * mebibyte,
    })
  })

  test('on S3 is joined here as far as one request can put it, above that written whole until requests cost less', () => {
    const onS3 = (megabytes: number) =>
      chooseWrite(s3WriteCosts, layoutOf(megabytes * mebibyte, { 1: updated(3) }, { arrivals: 0 }))
    expect(onS3(1).kind).toBe('rewrite')
    expect(onS3(50)).toMatchObject({ kind: 'splice', joined: true })
    expect(onS3(63)).toMatchObject({ kind: 'rewrite' })
    expect(onS3(500)).toMatchObject({ kind: 'splice', joined: false })
  })

  test('that cannot be spliced is written whole', () => {
    expect(choose({ ...layoutOf(50 * mebibyte, {}), groups: [] })).toEqual({ kind: 'rewrite', bytes: 50 * mebibyte })
  })
})
