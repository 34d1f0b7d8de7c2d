import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect } from 'vitest'
import { listTables } from '../src/controller/list-tables.ts'
import { DmscdcError, printable, shellWord } from '../src/errors.ts'
import { limits } from '../src/limits.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'

const rows = rowsOf({ id: 'integer', v: 'varchar' }, [[1, 'a']])

describe('a name in the landing', () => {
  test('longer than a table can have leaves its folder alone, with a warning, and stops no other table', async ({
    lab,
  }) => {
    const long = 'n'.repeat(limits.nameBytes + 1)
    await lab.land(`${long}/t/LOAD00000001.parquet`, rows)
    await lab.land(`s/${long}/LOAD00000001.parquet`, rows)
    await lab.land('s/t/LOAD00000001.parquet', rows)
    const warnings: string[] = []
    const log = { ...lab.ports.log, warn: (_: object, message: string) => warnings.push(message) }
    expect((await lab.run({ ports: { ...lab.ports, log } })).map(({ table }) => table)).toEqual(['s.t'])
    expect(warnings).toEqual([expect.stringContaining('2 folders of the landing were left alone')])
  })

  test('as long as a table can have is loaded', async ({ lab }) => {
    const [schema, table] = ['a'.repeat(limits.nameBytes), 'b'.repeat(limits.nameBytes)]
    await lab.land(`${schema}/${table}/LOAD00000001.parquet`, rows)
    await lab.set(`${schema}.${table}`, { active: true, primaryKey: 'id' })
    expect(await lab.runOne(`${schema}.${table}`)).toMatchObject({ status: 'initial', error: null })
  })

  test('that links out of it is not followed: neither a file, nor a table’s folder, nor a schema’s', async ({
    lab,
  }) => {
    await lab.land('s/t/LOAD00000001.parquet', rows)
    const outside = join(lab.folder, 'outside')
    await mkdir(join(outside, 'u'), { recursive: true })
    for (const path of ['20240101-000000001.parquet', 'u/LOAD00000001.parquet'])
      await lab.sql(`copy (select 2 as id, 'secret' as v) to '${join(outside, path)}' (format parquet)`)
    await symlink(join(outside, '20240101-000000001.parquet'), join(lab.landing, 's/t/20240101-000000001.parquet'))
    await symlink(outside, join(lab.landing, 's/t/2024'))
    await symlink(join(outside, 'u'), join(lab.landing, 's/u'))
    await symlink(outside, join(lab.landing, 'linked'))
    await lab.set('s.*', { active: true, primaryKey: 'id' })
    const reports = await lab.run()
    expect(reports.map(({ table, files }) => [table, files])).toEqual([['s.t', 1]])
    expect(await lab.rows('s.t')).toEqual([{ id: 1, v: 'a' }])
  })

  test('stands in a hint as one word of a shell', async ({ lab }) => {
    const table = `$(touch pwned)'; x`
    await lab.land(`s/${table}/LOAD00000001.parquet`, rows)
    await lab.landBytes(`s/${table}/20240101-000000001.parquet`, 'no Parquet')
    await lab.run()
    await lab.set(`s.${table}`, { active: true, primaryKey: 'id' })
    const { error } = await lab.runOne(`s.${table}`)
    expect(error?.hint).toContain(`dmscdc skip 's.$(touch pwned)'\\''; x' 20240101-000000001.parquet`)
  })
})

describe('the text of an error', () => {
  const { message, hint } = new DmscdcError('bad-landing', `column "\u001b[2J\n\u202e${'x'.repeat(9_000)}"`, {
    hint: 'rename \u0007',
  })

  test('has no character that moves a cursor, colours or reorders what follows', () => {
    expect(message.startsWith('column "\\u001b[2J\\u000a\\u202exxx')).toBe(true)
    expect(hint).toBe('rename \\u0007')
    expect(printable('naïve 漢字 😀 \ud800')).toBe('naïve 漢字 😀 \\ud800')
  })

  test('is cut where nobody would read on', () => {
    expect(message.length).toBeLessThan(limits.messageLength + 30)
  })

  test('quotes what a shell would take apart', () => {
    expect(['a.b-c_1', 'a b', `it's`, ''].map(shellWord)).toEqual(['a.b-c_1', `'a b'`, `'it'\\''s'`, `''`])
  })
})

describe('a column’s name', () => {
  test('with control characters reaches neither an error nor a hint as it is', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rowsOf({ id: 'integer', '\u001b[31mred': 'varchar' }, [[1, 'a']]))
    await lab.land('s/t/20240101-000000001.parquet', `select 'I' as "Op", 2 as id, [1] as "\u001b[31mred"`)
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    const { error } = await lab.runOne('s.t')
    expect(error?.message).toContain('column "\\u001b[31mred" is NESTED')
  })

  test.for(['parquet', 'csv'] as const)(
    'with a zero byte holds the table at that file: %s',
    async (format, { lab }) => {
      await lab.land('s/t/LOAD00000001.parquet', rows)
      const columnData = [
        { name: 'Op', data: ['I'] },
        { name: 'id', data: [2] },
        { name: 'a\0b', data: ['a'] },
      ]
      const file = format === 'csv' ? 'Op,id,a\0b\nI,2,a\n' : new Uint8Array(parquetWriteBuffer({ columnData }))
      await writeFile(join(lab.landing, `s/t/20240101-000000001.${format}`), file)
      await lab.set('s.t', { active: true, primaryKey: 'id', csvHeader: true })
      const { status, version, error } = await lab.runOne('s.t')
      expect({ status, version, kind: error?.kind }).toEqual({ status: 'held', version: 0, kind: 'bad-landing' })
      expect(error?.message).toContain('the name of column 3 has a zero byte')
    },
  )
})

describe('a state row of its own', () => {
  test('for the lake’s own folder is held, and nothing of the lake is touched', async ({ lab }) => {
    await lab.land('_dmscdc/t/LOAD00000001.parquet', rows)
    await mkdir(join(lab.state, '_dmscdc'), { recursive: true })
    const row = { ActiveFlag: 'true', PrimaryKey: 'id', out_path: `${lab.ports.lake.place}x/`, folder: 't/' }
    await writeFile(join(lab.state, '_dmscdc/t.json'), JSON.stringify(row))
    expect(await lab.run()).toMatchObject([{ status: 'held', error: { kind: 'invalid-config' } }])
    expect(await filesBelow(lab.lake)).toEqual([])
  })

  test('that leads into the folder of temporary files is held', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rows)
    await lab.run()
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    const path = join(lab.state, 's/t.json')
    const row = { ActiveFlag: 'true', PrimaryKey: 'id', out_path: `${lab.ports.lake.place}.dmscdc-tmp/` }
    await writeFile(path, JSON.stringify(row))
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
    expect((await filesBelow(lab.lake)).filter((key) => !key.startsWith('_dmscdc/'))).toEqual([])
  })

  test('with a flag that is no text breaks no listing of the tables', async ({ lab }) => {
    await lab.land('s/t/LOAD00000001.parquet', rows)
    await lab.land('s/u/LOAD00000001.parquet', rows)
    await lab.run()
    const held = { kind: 'x', message: { toString: 1 }, hint: 5 }
    await writeFile(join(lab.state, 's/t.json'), JSON.stringify({ ActiveFlag: { toString: 1 }, Held: held }))
    const lines = await listTables(lab.ports)
    expect(lines.map(({ table, held }) => [table, held?.kind ?? null])).toEqual([
      ['s.t', 'invalid-config'],
      ['s.u', null],
    ])
  })
})
