import { join } from 'node:path'
import { describe, expect } from 'vitest'
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

async function loaded(lab: Lab, options: Parameters<Lab['set']>[1] = {}): Promise<void> {
  await lab.land(
    's/t/LOAD00000001.parquet',
    rowsOf({ id: 'bigint', v: 'varchar' }, [
      [1, 'loaded'],
      [2, 'loaded'],
    ]),
  )
  await lab.run()
  await lab.set('s.t', { active: true, primaryKey: 'id', sequenceColumn: 'seq', ...options })
  await lab.runOne('s.t')
}

async function standing(lab: Lab): Promise<Record<string, unknown>> {
  const rows = await lab.rows('s.t', 'id')
  return Object.fromEntries(rows.map(({ id, v }) => [String(id), v]))
}

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
})
