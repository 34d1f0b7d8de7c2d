import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { DmscdcError } from '../src/errors.ts'
import { type Lab, redate } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'

const id = { schema: 's', table: 't' }
const columns = { id: 'bigint', v: 'varchar' }
const change = (...rows: (readonly Cell[])[]) => rowsOf({ Op: 'varchar', ...columns }, rows)
const fileOf = (day: number) => `s/t/2024010${String(day)}-000000000.parquet`

const landLoaded = (lab: Lab) =>
  lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf(columns, [
      [1, 'loaded'],
      [2, 'loaded'],
    ]),
  )
const landFirstChanges = (lab: Lab) => lab.land(fileOf(1), change(['I', 3, 'inserted'], ['U', 1, 'updated']))

async function loaded(lab: Lab, options: Parameters<Lab['set']>[1] = {}): Promise<void> {
  await landLoaded(lab)
  await landFirstChanges(lab)
  await lab.run()
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 2 })
}

/** DMS takes the files away at a TRUNCATE, and with the last one the folder is gone. */
const vanish = (lab: Lab) => rm(join(lab.landing, 's'), { recursive: true, force: true })

describe('when all landing files are gone', () => {
  test('a table stays as it is, with a warning, where the operator says nothing', async ({ lab }) => {
    await loaded(lab)
    await vanish(lab)
    const report = await lab.runOne('s.t')
    expect(report).toMatchObject({ status: 'idle', error: null, warnings: [expect.stringMatching(/are gone.*stay/u)] })
    expect(await lab.rows('s.t')).toHaveLength(3)
  })

  test('a table to hold is held until files are back', async ({ lab }) => {
    await loaded(lab, { onVanish: 'hold' })
    await vanish(lab)
    for (let time = 0; time < 2; time++)
      expect(await lab.runOne('s.t')).toMatchObject({
        status: 'held',
        error: { kind: 'bad-landing', hint: expect.stringContaining('--on-vanish truncate') },
      })
    expect(await planTables(lab.ports, [id])).toMatchObject([{ work: 'held' }])
    expect(await lab.rows('s.t')).toHaveLength(3)
    await lab.land(fileOf(2), change(['I', 4, 'later']))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { inserted: 1 } })
    expect(await lab.rows('s.t')).toHaveLength(4)
  })

  test('a table to truncate is emptied by one commit, once, and goes on with later files alone', async ({ lab }) => {
    await loaded(lab, { onVanish: 'truncate', publish: 'delta' })
    await vanish(lab)
    expect(await planTables(lab.ports, [id])).toMatchObject([
      { work: 'incremental', inputs: [], changes: { deleted: 3 } },
    ])
    expect(await lab.runOne('s.t')).toMatchObject({
      status: 'incremental',
      error: null,
      version: 2,
      changes: { inserted: 0, updated: 0, deleted: 3 },
      warnings: [expect.stringContaining('emptied')],
    })
    expect((await tableHistory(lab.ports, id))[0]).toMatchObject({ operation: 'TRUNCATE' })
    for (let time = 0; time < 2; time++)
      expect(await lab.runOne('s.t')).toMatchObject({
        status: 'idle',
        version: 2,
        warnings: [],
        requests: { put: 0, copy: 0, delete: 0 },
      })
    await lab.land(fileOf(2), change(['I', 1, 'new'], ['U', 2, 'new'], ['D', 3, null]))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { inserted: 2, unchanged: 1 } })
    await lab.land(fileOf(3), change(['U', 1, 'newer']))
    await lab.runOne('s.t')
    await lab.set('s.t', { publish: '' })
    await lab.runOne('s.t')
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: '1', v: 'newer' },
      { id: '2', v: 'new' },
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('a late file between those that came after is replayed with them, and needs nothing of before', async ({
    lab,
  }) => {
    await loaded(lab, { onVanish: 'truncate' })
    await vanish(lab)
    await lab.runOne('s.t')
    await lab.land(fileOf(3), change(['U', 1, 'third']))
    await lab.runOne('s.t')
    await lab.land('s/t/20240102-120000000.parquet', change(['U', 1, 'second'], ['I', 9, 'second']))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 2 })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: '1', v: 'third' },
      { id: '9', v: 'second' },
    ])
  })

  test('a full load that follows makes the table anew, less the changes that lie before it', async ({ lab }) => {
    await loaded(lab, { onVanish: 'truncate' })
    await vanish(lab)
    await lab.runOne('s.t')
    await redate(await lab.land(fileOf(2), change(['I', 7, 'before the load'])), '2024-01-02')
    await lab.runOne('s.t')
    await redate(await lab.land('s/t/LOAD00000001.parquet', rowsOf(columns, [[5, 'reloaded']])), '2024-01-03')
    await lab.land(fileOf(4), change(['I', 6, 'after the load']))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, status: 'initial' })
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: '5', v: 'reloaded' },
      { id: '6', v: 'after the load' },
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('a table without a key is emptied too, and can be made anew from what came after', async ({ lab }) => {
    await loaded(lab, { onVanish: 'truncate', primaryKey: '' })
    await vanish(lab)
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { deleted: 3 } })
    await lab.land(fileOf(2), change(['I', 5, 'new']))
    await lab.runOne('s.t')
    await replayFile(lab.ports, id, '20240102-000000000.parquet')
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await lab.rows('s.t')).toEqual([{ id: '5', v: 'new' }])
  })

  test('a table that was emptied by mistake is brought back by its files: full load, then the first change', async ({
    lab,
  }) => {
    await loaded(lab, { onVanish: 'truncate' })
    await vanish(lab)
    await lab.runOne('s.t')
    await landLoaded(lab)
    await lab.runOne('s.t')
    await landFirstChanges(lab)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', error: null })
    await replayFile(lab.ports, id, '20240101-000000000.parquet')
    await lab.runOne('s.t')
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: '1', v: 'updated' },
      { id: '2', v: 'loaded' },
      { id: '3', v: 'inserted' },
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('a table that was emptied can be emptied again', async ({ lab }) => {
    await loaded(lab, { onVanish: 'truncate' })
    await vanish(lab)
    await lab.runOne('s.t')
    await lab.land(fileOf(2), change(['I', 5, 'new']))
    await lab.runOne('s.t')
    await vanish(lab)
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { deleted: 1 } })
    expect(await filesBelow(join(lab.lake, 's'))).toEqual([])
  })
})

describe('neither holds nor empties a table', () => {
  test('that was never loaded', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf(columns, [[1, 'x']]))
    await lab.run()
    await lab.set('s.t', { active: true, primaryKey: 'id', onVanish: 'truncate' })
    await vanish(lab)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', version: null, error: null })
  })

  test('a listing that fails', async ({ lab }) => {
    await loaded(lab, { onVanish: 'truncate' })
    const list = async () => {
      throw new DmscdcError('unavailable', 'list landing: no answer', { hint: 'run again' })
    }
    const ports = { ...lab.ports, landing: { ...lab.ports.landing, list } }
    const [report] = await lab.run({ ports, tables: [id] })
    expect(report).toMatchObject({ status: 'failed', error: { kind: 'unavailable' } })
    expect(await lab.rows('s.t')).toHaveLength(3)
  })

  test('files of transaction mode that came in their stead', async ({ lab }) => {
    await loaded(lab, { onVanish: 'truncate' })
    await vanish(lab)
    await lab.land('s/t/CDC_TXN-00000000000000000001.parquet', change(['I', 9, 'x']))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', error: null })
    expect(await lab.rows('s.t')).toHaveLength(3)
  })

  test('some files that are left', async ({ lab }) => {
    await loaded(lab, { onVanish: 'truncate' })
    await rm(join(lab.landing, 's/t/LOAD00000001.parquet'))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', warnings: [] })
    expect(await lab.rows('s.t')).toHaveLength(3)
  })

  test('files that Landed took away, be they all there were', async ({ lab }) => {
    await lab.land(fileOf(1), change(['I', 1, 'x']))
    await lab.run()
    await lab.set('s.t', { active: true, primaryKey: 'id', landed: 'delete', lookBack: '0' })
    await lab.runOne('s.t')
    const row = JSON.parse(JSON.stringify((await lab.ports.state.get(id))?.row)) as Record<string, unknown>
    // A cursor behind the last file lets `Landed` take that one too.
    const cursor = `${String(row.path)}20240109-000000000.parquet`
    await lab.ports.state.update(id, { set: { LastIncrementalFile: cursor, OnVanish: 'truncate' } }, {})
    await lab.runOne('s.t')
    await lab.runOne('s.t')
    expect(await filesBelow(lab.landing)).toEqual([])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle', error: null })
    expect(await lab.rows('s.t')).toHaveLength(1)
  })
})
