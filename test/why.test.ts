import { rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { skipFile } from '../src/controller/landing-commands.ts'
import { restoreTable } from '../src/controller/restore-table.ts'
import { whyKey } from '../src/controller/why-key.ts'
import type { KeyStory } from '../src/process-table/key-story.ts'
import { whyText } from '../src/render-why.ts'
import type { SetOptions } from '../src/state/row.ts'
import type { Lab } from './support/lab.ts'
import { type Cell, rowsOf, test } from './support/lab-test.ts'
import { id, nameOf } from './support/plain-table.ts'

const row = { id: 'integer', p: 'varchar', v: 'varchar' }
const load = 'LOAD00000001.parquet'

const landChanges = (lab: Lab, day: number, rows: readonly (readonly Cell[])[], types: Record<string, string> = row) =>
  lab.land(`s/t/${nameOf(day)}`, rowsOf({ Op: 'varchar', ...types }, rows))

async function loaded(lab: Lab, options: SetOptions = {}): Promise<void> {
  await lab.land(
    `s/t/${load}`,
    rowsOf(row, [
      [1, 'a', 'load'],
      [2, 'b', 'load'],
    ]),
  )
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  await run(lab)
}

async function run(lab: Lab): Promise<void> {
  expect(await lab.runOne('s.t')).toMatchObject({ error: null })
}

const why = (lab: Lab, ...values: (string | null)[]): Promise<KeyStory> => whyKey(lab.ports, id, values)

describe('why', () => {
  test('lets the sequence column decide before the landing order', async ({ lab }) => {
    const sequenced = { ...row, seq: 'bigint' }
    await loaded(lab, { sequenceColumn: 'seq' })
    await landChanges(lab, 1, [['U', 1, 'a', 'newer', 10]], sequenced)
    await landChanges(lab, 2, [['U', 1, 'a', 'older', 9]], sequenced)
    await run(lab)
    const story = await why(lab, '1')
    expect(story.row?.values).toMatchObject({ v: 'newer', seq: '10' })
    expect(story.steps.map(({ values, decides }) => [values.v, decides])).toEqual([
      ['load', false],
      ['newer', true],
      ['older', false],
    ])
  })

  test('tells every change of a key in landing order, which commit took it, and the one that decides', async ({
    lab,
  }) => {
    await loaded(lab)
    await landChanges(lab, 1, [
      ['U', 1, 'a', 'one'],
      ['U', 2, 'b', 'other'],
      ['U', 1, 'b', 'two'],
    ])
    await run(lab)
    await landChanges(lab, 2, [['U', 1, 'b', 'three']])
    await run(lab)
    await landChanges(lab, 3, [['D', 1, null, null]])
    const story = await why(lab, '1')
    expect(story.steps).toMatchObject([
      { file: load, row: 1, op: 'I', state: 'taken', commits: [{ version: 0 }], changed: [], decides: false },
      {
        file: nameOf(1),
        row: 1,
        op: 'U',
        commits: [{ version: 1 }],
        values: { id: '1', p: 'a', v: 'one' },
        changed: ['v'],
      },
      { file: nameOf(1), row: 3, op: 'U', changed: ['p', 'v'], decides: false },
      { file: nameOf(2), row: 1, commits: [{ version: 2 }], changed: ['v'], decides: true },
      { file: nameOf(3), row: 1, op: 'D', state: 'pending', commits: [], decides: false },
    ])
    expect(story).toMatchObject({
      table: 's.t',
      key: [{ column: 'id', value: '1' }],
      row: { values: { id: '1', p: 'b', v: 'three' }, version: 2, file: expect.stringMatching(/^part-/u) },
      gone: [],
      unreadable: [],
      turns: [{ version: 0, operation: 'INITIAL' }],
    })
    await run(lab)
    const ended = await why(lab, '1')
    expect(ended.row).toBeNull()
    expect(ended.steps.at(-1)).toMatchObject({ op: 'D', state: 'taken', commits: [{ version: 3 }], decides: true })
    expect((await why(lab, '77')).steps).toEqual([])
  })

  test('finds a key where it was changed away and where it came from, also in another partition', async ({ lab }) => {
    await loaded(lab, { partitionKey: 'p' })
    const types = { ...row, BI_id: 'integer', BI_v: 'varchar' }
    await landChanges(lab, 1, [['U', 5, 'b', 'moved', 1, 'load']], types)
    await run(lab)
    expect((await why(lab, '1')).steps).toMatchObject([
      { op: 'I', side: 'new' },
      { op: 'U', side: 'old', values: { id: '5' }, decides: true },
    ])
    expect(await why(lab, '1')).toMatchObject({ row: null })
    const story = await why(lab, '5')
    expect(story).toMatchObject({
      steps: [{ side: 'new', op: 'U', values: { id: '5', p: 'b', v: 'moved' } }],
      row: { file: expect.stringMatching(/^p=b\//u), values: { id: '5', p: 'b', v: 'moved' } },
    })
    expect(story.steps[0]?.values).not.toHaveProperty('BI_v')
  })

  test('takes NULL for a value of a key of several columns, and every type as the lake prints it', async ({ lab }) => {
    const types = { a: 'decimal(10,2)', b: 'varchar', at: 'timestamp', v: 'varchar' }
    await lab.land(
      `s/t/${load}`,
      rowsOf(types, [
        ['1.50', null, '2024-01-01 10:00:00', 'null'],
        ['1.50', '', '2024-01-01 10:00:00', 'empty'],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'a,b,at' })
    await run(lab)
    for (const [value, expected] of [
      [null, 'null'],
      ['', 'empty'],
    ] as const) {
      const story = await why(lab, '1.5', value, '2024-01-01 10:00:00')
      expect(story.steps).toMatchObject([{ values: { v: expected } }])
      expect(story.row).toMatchObject({ values: { a: '1.50', b: value, at: '2024-01-01 10:00:00+00', v: expected } })
    }
  })

  test('says of a change what became of it: left out, skipped, too late, taken back', async ({ lab }) => {
    await loaded(lab, { lookBack: '1h', retain: '7d' })
    await landChanges(lab, 3, [['U', 1, 'a', 'three']])
    await run(lab)
    await landChanges(lab, 4, [['U', 1, 'a', 'four']])
    await skipFile(lab.ports, id, nameOf(4), 'a test')
    await landChanges(lab, 1, [['U', 1, 'a', 'late']])
    await landChanges(lab, 5, [['U', 1, 'a', 'five']])
    await run(lab)
    expect((await why(lab, '1')).steps).toMatchObject([
      { file: load, state: 'taken' },
      { file: nameOf(1), state: 'untaken' },
      { file: nameOf(3), state: 'taken' },
      { file: nameOf(4), state: 'left-out', why: expect.stringContaining('a test') },
      { file: nameOf(5), state: 'taken', decides: true },
    ])
    await restoreTable(lab.ports, id, { version: 1, keepProgress: false })
    const story = await why(lab, '1')
    expect(story).toMatchObject({ row: { values: { v: 'three' } } })
    expect(story.steps.at(-1)).toMatchObject({
      file: nameOf(5),
      state: 'pending',
      why: 'the table is inactive',
      commits: [],
    })
    expect(story.steps.find(({ decides }) => decides)).toMatchObject({ file: nameOf(3) })
    expect(story.turns.at(-1)).toMatchObject({ operation: 'RESTORE', note: expect.stringContaining('version 1') })
  })

  test('names the files that are gone, looks past one that is damaged, and reads CSV', async ({ lab }) => {
    const csvColumns = 'id integer, p string, v string'
    await loaded(lab, { csvColumns })
    await landChanges(lab, 1, [['U', 1, 'a', 'one']])
    await landChanges(lab, 2, [['U', 1, 'a', 'two']])
    await run(lab)
    await lab.landBytes('s/t/20240103-000000000.csv', 'U,1,a,three\nU,2,b,other\nU,1,a,four\n')
    await run(lab)
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await truncate(join(lab.landing, 's/t', nameOf(1)), 100)
    const story = await why(lab, '1')
    expect(story).toMatchObject({
      gone: [{ file: nameOf(2), version: 1 }],
      unreadable: [{ file: nameOf(1) }],
      steps: [
        { file: load },
        { file: '20240103-000000000.csv', row: 1, values: { id: '1', v: 'three' } },
        { file: '20240103-000000000.csv', row: 3, values: { v: 'four' }, decides: true },
      ],
      row: { values: { v: 'four' } },
    })
    const text = whyText(story)
    expect(text).toContain('s.t, id = "1"')
    expect(text).toMatch(/20240103-000000000\.csv.* row 3: U, taken by version 2/u)
    expect(text).toContain('Decided by 20240103-000000000.csv row 3')
    expect(text).toMatch(/Gone from the landing.*20240102-000000000\.parquet \(version 1\)/u)
  })

  test('tells the version that added the row where a checkpoint has forgotten it', async ({ lab }) => {
    await loaded(lab, { partitionKey: 'p' })
    for (let day = 1; day <= 9; day++) {
      await landChanges(lab, day, [['U', 2, 'b', String(day)]])
      await run(lab)
    }
    expect(await why(lab, '1')).toMatchObject({ row: { version: 0 } })
    expect(await why(lab, '2')).toMatchObject({ row: { version: 9 } })
  })

  test('tells of a table that was not loaded yet what waits for it', async ({ lab }) => {
    await lab.land(`s/t/${load}`, rowsOf(row, [[1, 'a', 'load']]))
    await lab.run()
    await expect(why(lab, '1')).rejects.toThrow('s.t has no key')
    await lab.set('s.t', { primaryKey: 'id' })
    expect(await why(lab, '1')).toMatchObject({
      row: null,
      steps: [{ file: load, state: 'pending', why: 'the table was not loaded yet', decides: false }],
    })
  })

  test('refuses values that are none of the key, without repeating them', async ({ lab }) => {
    await loaded(lab)
    await expect(why(lab, '1', '2')).rejects.toThrow('s.t has the key (id): found 2 values, expected 1')
    await expect(why(lab, 'secret')).rejects.toThrow(/^the value given for key column "id" is no integer$/u)
    expect(await why(lab, null)).toMatchObject({ row: null, steps: [] })
  })
})
