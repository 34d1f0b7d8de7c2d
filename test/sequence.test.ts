import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import type { Ports } from '../src/ports.ts'
import type { Lab } from './support/lab.ts'
import { type Cell, filesBelow, rowsOf, test } from './support/lab-test.ts'

const types = { id: 'bigint', v: 'varchar', seq: 'varchar' }
const changeTypes = { Op: 'varchar', ...types }

/** As DMS writes `AR_H_CHANGE_SEQ`. */
const seq = (at: number) => `20240612103127${String(at).padStart(21, '0')}`
const file = (minute: number) => `s/t/20240101-00${String(minute).padStart(2, '0')}00000.parquet`

type Event = readonly [op: 'I' | 'U' | 'D', id: number, v: string | null, at: number | null]

async function land(lab: Lab, minute: number, ...events: Event[]): Promise<void> {
  const rows = events.map(([op, id, v, at]): readonly Cell[] => [op, id, v, at === null ? null : seq(at)])
  await lab.land(file(minute), rowsOf(changeTypes, rows))
}

const landLoad = (lab: Lab, v: string) =>
  lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf({ id: 'bigint', v: 'varchar' }, [
      [1, v],
      [2, v],
    ]),
  )

async function loaded(lab: Lab, options: Parameters<Lab['set']>[1] = {}): Promise<void> {
  await landLoad(lab, 'loaded')
  await lab.run()
  await lab.set('s.t', { active: true, primaryKey: 'id', sequenceColumn: 'seq', ...options })
  await lab.runOne('s.t')
}

async function standing(lab: Lab): Promise<Record<string, unknown>> {
  const rows = await lab.rows('s.t', 'id')
  return Object.fromEntries(rows.map(({ id, v }) => [String(id), v]))
}

const id = { schema: 's', table: 't' }
const daysLater = (ports: Ports, days: number): Ports => ({
  ...ports,
  clock: { ...ports.clock, nowMs: () => ports.clock.nowMs() + days * 86_400_000 },
})

const deleteFiles = (lab: Lab) => filesBelow(join(lab.lake, '_dmscdc/s/t/deletes'))

describe('with a sequence column', () => {
  test('a change with a lower value loses, in one batch and across runs; an equal one applies', async ({ lab }) => {
    await loaded(lab)
    await land(lab, 1, ['U', 1, 'ninth', 9], ['U', 1, 'eighth', 8], ['U', 2, 'fifth', 5])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { updated: 2, unchanged: 0 } })
    expect(await standing(lab)).toEqual({ 1: 'ninth', 2: 'fifth' })
    await land(lab, 2, ['U', 1, 'fourth', 4], ['U', 2, 'fifth again', 5], ['I', 3, 'first', 1])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1, updated: 1, unchanged: 1 } })
    expect(await standing(lab)).toEqual({ 1: 'ninth', 2: 'fifth again', 3: 'first' })
  })

  test('no value is lower than any', async ({ lab }) => {
    await loaded(lab)
    await land(lab, 1, ['U', 1, 'none', null], ['U', 2, 'one', 1], ['U', 2, 'none', null])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 1: 'none', 2: 'one' })
    await land(lab, 2, ['D', 2, null, null], ['D', 1, null, null])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { deleted: 1, unchanged: 1 } })
    expect(await standing(lab)).toEqual({ 2: 'one' })
    await land(lab, 3, ['I', 1, 'back', null])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 1: 'back', 2: 'one' })
  })

  test('a deletion is remembered: an older change does not bring the key back, an equal or later one does', async ({
    lab,
  }) => {
    await loaded(lab)
    await land(lab, 1, ['D', 1, null, 9], ['I', 3, 'x', 5], ['D', 3, null, 6], ['D', 77, null, 9])
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { deleted: 1, unchanged: 2 } })
    expect(await deleteFiles(lab)).toHaveLength(1)
    await land(lab, 2, ['U', 1, 'older', 8], ['I', 3, 'older', 5], ['I', 77, 'older', 8])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 0, unchanged: 3 }, filesAdded: 0 })
    expect(await standing(lab)).toEqual({ 2: 'loaded' })
    await land(lab, 3, ['U', 1, 'equal', 9], ['I', 3, 'later', 7])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 1: 'equal', 2: 'loaded', 3: 'later' })
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('a change of a key takes the old key away by its value, and keeps it away', async ({ lab }) => {
    await loaded(lab)
    const moving = { Op: 'varchar', id: 'bigint', v: 'varchar', seq: 'varchar', BI_id: 'bigint' }
    await land(lab, 1, ['U', 2, 'newer', 9])
    await lab.runOne('s.t')
    await lab.land(
      file(2),
      rowsOf(moving, [
        ['U', 5, 'moved', seq(7), 1],
        ['U', 6, 'moved', seq(7), 2],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 2, deleted: 1, unchanged: 1 } })
    expect(await standing(lab)).toEqual({ 2: 'newer', 5: 'moved', 6: 'moved' })
    await land(lab, 3, ['U', 1, 'older', 6])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 2: 'newer', 5: 'moved', 6: 'moved' })
  })

  test('a late file, of changes or of a full load, leaves what it would have left in time', async ({ lab }) => {
    await loaded(lab)
    await land(lab, 2, ['U', 1, 'fifth', 5], ['D', 2, null, 5])
    await lab.runOne('s.t')
    await land(lab, 1, ['U', 1, 'fifth, but before', 5], ['U', 2, 'sixth', 6], ['I', 3, 'first', 1])
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 2 })
    expect(await standing(lab)).toEqual({ 1: 'fifth', 2: 'sixth', 3: 'first' })
    await lab.land(
      's/t/LOAD00000002.parquet',
      rowsOf({ id: 'bigint', v: 'varchar' }, [
        [3, 'late'],
        [4, 'late'],
      ]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, files: 3 })
    expect(await standing(lab)).toEqual({ 1: 'fifth', 2: 'sixth', 3: 'first', 4: 'late' })
  })

  test('numbers compare as numbers, also when the column has grown wider since a deletion', async ({ lab }) => {
    const lake = { id: 'bigint', v: 'varchar' }
    await lab.land(
      's/t/LOAD00000001.parquet',
      rowsOf({ ...lake, n: 'integer' }, [
        [1, 'x', 1],
        [2, 'x', 1],
      ]),
    )
    await lab.run()
    await lab.set('s.t', { active: true, primaryKey: 'id', sequenceColumn: 'n' })
    await lab.land(
      file(1),
      rowsOf({ Op: 'varchar', ...lake, n: 'integer' }, [
        ['D', 1, null, 100],
        ['U', 2, 'y', 100],
      ]),
    )
    await lab.runOne('s.t')
    const rows = [
      ['U', 1, 'older', '99'],
      ['U', 2, 'older', '99'],
      ['I', 3, 'new', '9007199254740993'],
    ]
    await lab.land(file(2), rowsOf({ Op: 'varchar', ...lake, n: 'bigint' }, rows))
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { inserted: 1, unchanged: 2 } })
    expect(await standing(lab)).toEqual({ 2: 'y', 3: 'new' })
    await lab.land(
      file(3),
      rowsOf({ Op: 'varchar', ...lake, n: 'bigint' }, [['U', 3, 'less by one', '9007199254740992']]),
    )
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { unchanged: 1 } })
  })

  test('a plan counts what will lose', async ({ lab }) => {
    await loaded(lab)
    await land(lab, 1, ['U', 1, 'ninth', 9], ['D', 2, null, 9])
    await lab.runOne('s.t')
    await land(lab, 2, ['U', 1, 'older', 8], ['U', 2, 'older', 8], ['I', 3, 'new', 1])
    const before = await deleteFiles(lab)
    expect(await planTables(lab.ports, [id])).toMatchObject([
      { work: 'incremental', changes: { inserted: 1, updated: 0, deleted: 0, unchanged: 2 }, filesToRewrite: 0 },
    ])
    expect(await deleteFiles(lab)).toEqual(before)
  })
})

describe('what is remembered of deletions', () => {
  test('is one file as long as it is small, and changes with new deletions alone', async ({ lab }) => {
    await loaded(lab)
    await land(lab, 1, ['D', 1, null, 9])
    await lab.runOne('s.t')
    const first = await deleteFiles(lab)
    await land(lab, 2, ['D', 1, null, 9], ['D', 1, null, 8], ['U', 2, 'x', 9])
    await lab.runOne('s.t')
    expect(await deleteFiles(lab)).toEqual(first)
    await land(lab, 3, ['D', 2, null, 10])
    await lab.runOne('s.t')
    expect(await deleteFiles(lab)).toHaveLength(1)
    expect(await deleteFiles(lab)).not.toEqual(first)
    await land(lab, 4, ['I', 1, 'older', 8], ['I', 2, 'older', 9])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { unchanged: 2 } })
    expect(await filesBelow(join(lab.lake, 's'))).toEqual([])
  })

  test('is forgotten after the time that the row says, and then the next commit takes the file away', async ({
    lab,
  }) => {
    await loaded(lab, { rememberDeletes: '2d' })
    await land(lab, 1, ['D', 1, null, 9])
    await lab.runOne('s.t')
    await land(lab, 2, ['U', 1, 'a day later', 8])
    await lab.runOne('s.t', { ports: daysLater(lab.ports, 1) })
    expect(await standing(lab)).toEqual({ 2: 'loaded' })
    await land(lab, 3, ['D', 2, null, 9])
    await lab.runOne('s.t', { ports: daysLater(lab.ports, 1) })
    await land(lab, 4, ['U', 1, 'two days later', 8], ['U', 2, 'a day after its deletion', 8])
    await lab.runOne('s.t', { ports: daysLater(lab.ports, 2) })
    expect(await standing(lab)).toEqual({ 1: 'two days later' })
    expect(await deleteFiles(lab)).toHaveLength(1)
    await land(lab, 5, ['U', 1, 'much later', 10])
    await lab.runOne('s.t', { ports: daysLater(lab.ports, 4) })
    expect(await deleteFiles(lab)).toEqual([])
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('is nothing where the row says so', async ({ lab }) => {
    await loaded(lab, { rememberDeletes: '0' })
    await land(lab, 1, ['D', 1, null, 9], ['U', 1, 'older', 8])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 2: 'loaded' })
    expect(await deleteFiles(lab)).toEqual([])
  })

  test.for([
    ['a new generation of the full load', (lab: Lab): Promise<unknown> => landLoad(lab, 'reloaded')],
    ['a sequence column that is taken off', (lab: Lab) => lab.set('s.t', { sequenceColumn: 'null' })],
    ['another sequence column', (lab: Lab) => lab.set('s.t', { sequenceColumn: 'v' })],
    ['another key', (lab: Lab) => lab.set('s.t', { primaryKey: 'id,v' })],
  ] as const)('is forgotten by %s', async ([, forget], { lab }) => {
    await loaded(lab)
    await land(lab, 1, ['D', 1, null, 9])
    await lab.runOne('s.t')
    expect(await deleteFiles(lab)).toHaveLength(1)
    await forget(lab)
    await lab.runOne('s.t')
    await land(lab, 2, ['I', 5, 'new', 1])
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await deleteFiles(lab)).toEqual([])
    await land(lab, 3, ['I', 1, 'back', 8])
    await lab.runOne('s.t')
    expect(await standing(lab)).toMatchObject({ 1: 'back' })
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })

  test('stays through a replay of changes, which leaves what was there', async ({ lab }) => {
    await loaded(lab)
    await land(lab, 1, ['U', 1, 'first', 1], ['U', 2, 'second', 2])
    await land(lab, 2, ['D', 1, null, 9], ['U', 2, 'third', 3])
    await lab.runOne('s.t')
    await replayFile(lab.ports, id, '20240101-000100000.parquet')
    expect(await lab.runOne('s.t', { ports: { ...lab.ports, batchBytesMax: 1 } })).toMatchObject({
      files: 2,
      changes: { inserted: 0, updated: 0, deleted: 0 },
    })
    expect(await standing(lab)).toEqual({ 2: 'third' })
  })

  test('is verified, and a file that is not as it was written holds the table until it is loaded anew', async ({
    lab,
  }) => {
    await loaded(lab)
    await land(lab, 1, ['D', 1, null, 9])
    await lab.runOne('s.t')
    const folder = join(lab.lake, '_dmscdc/s/t/deletes')
    const [name] = (await deleteFiles(lab)) as [string]
    await writeFile(join(folder, 'other.parquet'), 'x')
    expect(await lab.verify()).toMatchObject([
      { problems: [{ kind: 'unlisted', path: '_dmscdc/s/t/deletes/other.parquet' }] },
    ])
    await rm(join(folder, 'other.parquet'))
    const bytes = await readFile(join(folder, name))
    bytes[20] = (bytes[20] as number) ^ 1
    await writeFile(join(folder, name), bytes)
    expect(await lab.verify()).toMatchObject([{ problems: [{ kind: 'damaged' }] }])
    await land(lab, 2, ['U', 2, 'x', 10])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'corrupt-lake' } })
    await rm(join(folder, name))
    expect(await lab.verify()).toMatchObject([{ problems: [{ kind: 'missing' }] }])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'corrupt-lake' } })
    await replayFile(lab.ports, id, 'LOAD00000001.parquet')
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await standing(lab)).toEqual({ 2: 'x' })
    expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
  })
})

describe('a sequence column that', () => {
  test('no change file has holds the table, and full loads may lack it', async ({ lab }) => {
    await loaded(lab, { sequenceColumn: 'scn' })
    await land(lab, 1, ['U', 1, 'x', 1])
    const error = { kind: 'invalid-config', message: expect.stringContaining('SequenceColumn names column "scn"') }
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error })
    expect(await planTables(lab.ports, [id])).toMatchObject([{ work: 'held', error }])
    await lab.set('s.t', { sequenceColumn: 'seq' })
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { updated: 1 } })
  })

  test('a later file lacks is NULL there, with a warning', async ({ lab }) => {
    await loaded(lab)
    await land(lab, 1, ['U', 1, 'has one', 1])
    expect(await lab.runOne('s.t')).toMatchObject({ warnings: [] })
    const rows = [
      ['U', 1, 'has none'],
      ['U', 2, 'has none'],
    ]
    await lab.land(file(2), rowsOf({ Op: 'varchar', id: 'bigint', v: 'varchar' }, rows))
    expect(await lab.runOne('s.t')).toMatchObject({
      changes: { updated: 1, unchanged: 1 },
      warnings: [expect.stringContaining('have no column "seq"')],
    })
    expect(await standing(lab)).toEqual({ 1: 'has one', 2: 'has none' })
  })

  test('is set on a loaded table orders the changes from then on', async ({ lab }) => {
    await loaded(lab, { sequenceColumn: 'null' })
    await land(lab, 1, ['U', 1, 'ninth', 9], ['U', 1, 'eighth', 8], ['D', 2, null, 9])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 1: 'eighth' })
    await lab.set('s.t', { sequenceColumn: 'seq' })
    await land(lab, 2, ['U', 1, 'seventh', 7], ['U', 2, 'first', 1])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 1: 'eighth', 2: 'first' })
    await lab.set('s.t', { sequenceColumn: '' })
    await land(lab, 3, ['U', 1, 'first', 1])
    await lab.runOne('s.t')
    expect(await standing(lab)).toEqual({ 1: 'first', 2: 'first' })
  })

  test('is set on a table without a key orders nothing, with a warning', async ({ lab }) => {
    await loaded(lab, { primaryKey: '' })
    await land(lab, 1, ['I', 1, 'x', 2], ['I', 1, 'y', 1])
    expect(await lab.runOne('s.t')).toMatchObject({
      changes: { inserted: 2 },
      warnings: [expect.stringContaining('without a key')],
    })
  })
})
