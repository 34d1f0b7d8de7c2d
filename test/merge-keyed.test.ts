import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Lab, openLab } from './support/lab.ts'

describe('a keyed table', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
    await lab.land('s/t/LOAD00000001.parquet', `select range as id, 'v' || range as v from range(5)`)
    await lab.set('s.t', { active: true, primaryKey: 'id' })
  })
  afterEach(() => lab.close())

  test('loads, then merges inserts, updates and deletions', async () => {
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', changes: { inserted: 5 } })
    await lab.land(
      's/t/20240102-000000000.parquet',
      `select * from (values ('I', 9::bigint, 'new'), ('U', 1, 'changed'), ('D', 2, null), ('U', 3, 'v3'), ('D', 77, null)) as c("Op", id, v)`,
    )
    expect(await lab.runOne('s.t')).toMatchObject({
      status: 'incremental',
      changes: { inserted: 1, updated: 1, deleted: 1, unchanged: 2 },
      filesRewritten: 1,
    })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: '0', v: 'v0' },
      { id: '1', v: 'changed' },
      { id: '3', v: 'v3' },
      { id: '4', v: 'v4' },
      { id: '9', v: 'new' },
    ])
    expect(await lab.verify()).toMatchObject([{ table: 's.t', ok: true, rows: 5 }])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', bytesWritten: 0 })
  })
})
