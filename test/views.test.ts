import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { Ports } from '../src/ports.ts'
import type { Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'
import { landChanges, landLoad, type Rows } from './support/plain-table.ts'

async function loaded(lab: Lab, options: { publish?: string; retain?: string } = {}): Promise<void> {
  await landLoad(lab, 'LOAD00000001', [
    [1, 'load'],
    [2, 'load'],
  ])
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
}

async function change(lab: Lab, name: string, rows: Rows, ports?: Ports): Promise<void> {
  await landChanges(lab, name, rows)
  const report = await lab.runOne('s.t', ports === undefined ? {} : { ports })
  expect(report).toMatchObject({ status: 'incremental', error: null })
}

const view = (lab: Lab) => `${lab.lake}/s/t/_delta_log`
const own = (lab: Lab) => `${lab.lake}/_dmscdc/s/t/_delta_log`
const entry = (version: number) => `${String(version).padStart(20, '0')}.json`
const dataFiles = async (lab: Lab) => (await filesBelow(`${lab.lake}/s/t`)).filter((key) => !key.startsWith('_'))

/** The rows that a reader of the Delta view finds: its checkpoint if it begins with one, and the entries after it. */
async function viewRows(lab: Lab): Promise<Record<string, unknown>[]> {
  const log = view(lab)
  const names = await filesBelow(log)
  const checkpoint = names.find((name) => name.endsWith('.checkpoint.parquet'))
  const listed = new Set<string>()
  if (checkpoint !== undefined) {
    expect(names).toContain('_last_checkpoint')
    const adds = await lab.sql(`select add.path as path from '${log}/${checkpoint}' where add is not null`)
    for (const { path } of adds) listed.add(String(path))
  }
  for (const name of names.filter((one) => one.endsWith('.json') && one >= (checkpoint ?? ''))) {
    const lines = (await readFile(join(log, name), 'utf8')).trimEnd().split('\n')
    for (const { add, remove } of lines.map((line) => JSON.parse(line))) {
      if (add) listed.add(add.path)
      if (remove) listed.delete(remove.path)
    }
  }
  const paths = [...listed].map((path) => `'${lab.lake}/s/t/${decodeURIComponent(path)}'`)
  return lab.sql(`select * from read_parquet([${paths.join(', ')}]) order by id`)
}

async function sound(lab: Lab): Promise<void> {
  expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
}

function laterBy(ports: Ports, ms: number): Ports {
  return { ...ports, clock: { ...ports.clock, nowMs: () => ports.clock.nowMs() + ms } }
}

describe('a Delta view', () => {
  test('is the table’s own log to the byte, beside the data', async ({ lab }) => {
    await loaded(lab, { publish: 'delta' })
    await change(lab, '20240101-000000000', [['U', 1, 'changed']])
    expect(await filesBelow(view(lab))).toEqual([entry(0), entry(1)])
    for (const name of [entry(0), entry(1)])
      expect(await readFile(join(view(lab), name))).toEqual(await readFile(join(own(lab), name)))
    expect(await viewRows(lab)).toEqual([
      { id: 1, v: 'changed' },
      { id: 2, v: 'load' },
    ])
    await sound(lab)
  })

  test('keeps superseded files in the folder until Retain is over, and then not', async ({ lab }) => {
    await loaded(lab, { publish: 'delta', retain: '1h' })
    const [first] = await dataFiles(lab)
    await change(lab, '20240101-000000000', [['U', 1, 'changed']])
    expect(await dataFiles(lab)).toHaveLength(2)
    expect(await dataFiles(lab)).toContain(first)
    await change(lab, '20240101-000000001', [['U', 1, 'again']], laterBy(lab.ports, 59 * 60_000))
    expect(await dataFiles(lab)).toContain(first)
    await change(lab, '20240101-000000002', [['U', 1, 'at last']], laterBy(lab.ports, 61 * 60_000))
    expect(await dataFiles(lab)).not.toContain(first)
    expect(await viewRows(lab)).toMatchObject([{ id: 1, v: 'at last' }, { id: 2 }])
    await sound(lab)
  })

  test('keeps them seven days where the row says nothing', async ({ lab }) => {
    await loaded(lab, { publish: 'delta' })
    const [first] = await dataFiles(lab)
    await change(lab, '20240101-000000000', [['U', 1, 'changed']])
    await change(lab, '20240101-000000001', [['U', 1, 'again']], laterBy(lab.ports, 6.9 * 86_400_000))
    expect(await dataFiles(lab)).toContain(first)
    await change(lab, '20240101-000000002', [['U', 1, 'at last']], laterBy(lab.ports, 7.1 * 86_400_000))
    expect(await dataFiles(lab)).not.toContain(first)
  })

  test('switched on late begins at the head, although nothing new has landed', async ({ lab }) => {
    await loaded(lab)
    await change(lab, '20240101-000000000', [['U', 1, 'changed']])
    await lab.set('s.t', { publish: 'delta' })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await viewRows(lab)).toEqual([
      { id: 1, v: 'changed' },
      { id: 2, v: 'load' },
    ])
    await change(lab, '20240101-000000001', [['U', 2, 'changed too']])
    expect(await viewRows(lab)).toEqual([
      { id: 1, v: 'changed' },
      { id: 2, v: 'changed too' },
    ])
    await sound(lab)
  })

  test('taken off loses its log and its stale files at once, although nothing new has landed', async ({ lab }) => {
    await loaded(lab, { publish: 'delta' })
    await change(lab, '20240101-000000000', [['U', 1, 'changed']])
    expect(await dataFiles(lab)).toHaveLength(2)
    await lab.set('s.t', { publish: '' })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 0, error: null })
    expect(await filesBelow(view(lab))).toEqual([])
    expect(await dataFiles(lab)).toHaveLength(1)
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, v: 'changed' },
      { id: 2, v: 'load' },
    ])
    await sound(lab)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('taken off and on again shows the head', async ({ lab }) => {
    await loaded(lab, { publish: 'delta' })
    await lab.set('s.t', { publish: '' })
    await change(lab, '20240101-000000000', [['U', 1, 'without a view']])
    await lab.set('s.t', { publish: 'delta' })
    await change(lab, '20240101-000000001', [['U', 2, 'with one']])
    expect(await viewRows(lab)).toEqual([
      { id: 1, v: 'without a view' },
      { id: 2, v: 'with one' },
    ])
    await sound(lab)
  })

  test('shows a replacing full load as one version', async ({ lab }) => {
    await loaded(lab, { publish: 'delta' })
    await landLoad(lab, 'LOAD00000001', [[7, 'reload']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', version: 1 })
    expect(await viewRows(lab)).toEqual([{ id: 7, v: 'reload' }])
    expect(await filesBelow(view(lab))).toEqual([entry(0), entry(1)])
  })

  test('that another program wrote into is refused, and the truth stays', async ({ lab }) => {
    await loaded(lab, { publish: 'delta' })
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
    await lab.sql(`copy (select 'x') to '${view(lab)}/${entry(1)}' (format csv)`)
    const report = await lab.runOne('s.t')
    expect(report.status).toMatch(/^(?:held|failed)$/u)
    expect(report.error?.kind).toBe('corrupt-lake')
    expect(await readFile(join(view(lab), entry(1)), 'utf8')).toContain('x')
  })
})

describe('without a view', () => {
  test('the folder holds data files alone, and superseded ones go at once', async ({ lab }) => {
    await loaded(lab)
    const before = await filesBelow(`${lab.lake}/s/t`)
    await change(lab, '20240101-000000000', [['U', 1, 'changed']])
    const after = await filesBelow(`${lab.lake}/s/t`)
    expect(after).toEqual([expect.stringMatching(/^part-[0-9A-Z]{26}\.parquet$/u)])
    expect(after).not.toEqual(before)
    const ours = (await filesBelow(`${lab.lake}/_dmscdc`)).filter((key) => !key.startsWith('s/t/_delta_log/'))
    expect(ours).toEqual([])
  })

  test('Retain moves superseded files to retained/, and expired ones go with a later commit', async ({ lab }) => {
    await loaded(lab, { retain: '1h' })
    const [first = ''] = await dataFiles(lab)
    await change(lab, '20240101-000000000', [['U', 1, 'changed']])
    expect(await dataFiles(lab)).toHaveLength(1)
    expect(await filesBelow(`${lab.lake}/_dmscdc/s/t/retained`)).toEqual([first])
    expect(await lab.sql(`select count(*)::integer as n from '${lab.lake}/_dmscdc/s/t/retained/${first}'`)).toEqual([
      { n: 2 },
    ])
    await sound(lab)
    await change(lab, '20240101-000000001', [['U', 1, 'again']], laterBy(lab.ports, 61 * 60_000))
    expect(await filesBelow(`${lab.lake}/_dmscdc/s/t/retained`)).not.toContain(first)
    await sound(lab)
  })
})
