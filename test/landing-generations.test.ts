import { describe, expect, test } from 'vitest'
import { type LoadGeneration, noLoad } from '../src/domain.ts'
import { generationOf, leftOut, settled } from '../src/landing/pending.ts'
import { changeAt, dayMs, hourMs, load, noonMs, takenOf } from './support/landing-files.ts'

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
