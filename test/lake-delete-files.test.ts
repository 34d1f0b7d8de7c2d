import { describe, expect, test } from 'vitest'
import { noProgress, type Progress } from '../src/domain.ts'
import { withForgotten } from '../src/lake/delete-files.ts'

const remembering = (...names: string[]): Progress => ({
  ...noProgress,
  remembered: {
    sequenceColumn: 'scn',
    files: names.map((name) => ({ name, sizeBytes: 1, rows: 1, sha256: 'ab'.repeat(32), newestMs: 0 })),
  },
})

describe('the progress of a commit', () => {
  test('names as forgotten what the version before it listed and it does not', () => {
    expect(
      withForgotten(remembering('A.parquet', 'B.parquet'), remembering('A.parquet', 'OWN.parquet'), 'OWN'),
    ).toEqual({
      ...remembering('A.parquet', 'OWN.parquet'),
      forgotten: ['B.parquet'],
    })
    expect(withForgotten(remembering('A.parquet'), noProgress, 'OWN')).toEqual({
      ...noProgress,
      forgotten: ['A.parquet'],
    })
  })

  test('names it once: the version after has nothing to forget', () => {
    const forgot = withForgotten(remembering('A.parquet', 'B.parquet'), remembering('A.parquet'), 'OWN')
    expect(withForgotten(forgot, forgot, 'NEXT')).toEqual(remembering('A.parquet'))
  })

  test('of an older version lists only what the head still lists: the others may be gone', () => {
    const older = { ...remembering('A.parquet', 'OLD.parquet'), forgotten: ['OLDER.parquet'] }
    expect(withForgotten(remembering('A.parquet', 'B.parquet'), older, 'OWN')).toEqual({
      ...remembering('A.parquet'),
      forgotten: ['B.parquet'],
    })
    expect(withForgotten(noProgress, remembering('OLD.parquet'), 'OWN')).toEqual(noProgress)
    expect(withForgotten(null, noProgress, 'OWN')).toEqual(noProgress)
  })
})
