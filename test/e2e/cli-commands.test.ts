import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { changes, rows, test } from './cli-test.ts'
import { dmscdc, type Places, stdoutOf } from './process.ts'

describe('a table that is held', () => {
  test('makes the exit 1, says why and what to do, and the others go on; skip passes over its file, and history says so', async ({
    places,
    land,
    command,
    json,
    lakeRows,
  }) => {
    for (const table of ['bad', 'good']) await land(`s/${table}/LOAD00000001.parquet`, rows)
    await command('tables')
    await command('set', 's.*', '--active', '--primary-key', 'id')
    await command('run')
    const damaged = '20240102-000000000.parquet'
    writeFileSync(join(places.landing, 's/bad', damaged), 'no Parquet')
    await land('s/bad/20240103-000000000.parquet', changes)
    await land('s/good/20240103-000000000.parquet', changes)
    const ran = JSON.parse(await stdoutOf(['run', '--json'], places.environment, 1))
    expect(ran).toMatchObject({
      ok: false,
      tables: [
        {
          table: 's.bad',
          status: 'held',
          files: 0,
          error: { kind: 'bad-landing', message: expect.stringContaining(damaged) },
        },
        { table: 's.good', status: 'incremental', files: 1, error: null },
      ],
    })
    expect(Object.keys(ran.tables[0].error).sort()).toEqual(['hint', 'kind', 'message'])
    expect(await stdoutOf(['run'], places.environment, 1)).toMatch(/error: s\.bad: .*\nTry: .*dmscdc skip s\.bad/u)
    expect(
      (await json('tables')).tables.map(({ status, held }: Record<string, unknown>) => [status, held !== null]),
    ).toEqual([
      ['held', true],
      ['ready', false],
    ])

    await command('skip', 's.bad', damaged, '--why', 'the disk was full that day')
    expect((await json('run')).tables).toMatchObject([{ status: 'incremental', files: 1 }, { status: 'idle' }])
    expect(await lakeRows('s.bad')).toEqual(await lakeRows('s.good'))
    expect(await command('history', 's.bad')).toContain(`passed over ${damaged}: the disk was full that day`)
    const { table, commits } = await json('history', 's.bad')
    expect(table).toBe('s.bad')
    expect(commits.map(({ version, operation }: Record<string, unknown>) => [version, operation])).toEqual([
      [2, 'MERGE'],
      [1, 'SKIP'],
      [0, 'INITIAL'],
    ])
    const again = await dmscdc(['skip', 's.bad', damaged, '--why', 'once more'], places.environment)
    expect([again.code, again.stdout]).toEqual([2, ''])
    expect(again.stderr).toMatch(/was taken or passed over already/u)
  })
})

describe('restore', () => {
  test('brings a version back and says how to go on; why tells a key before and after', async ({
    places,
    land,
    command,
    json,
  }) => {
    await land('s/t/LOAD00000001.parquet', `select 1 - range as id, 'load' as v from range(3)`)
    await command('tables')
    await command('set', 's.t', '--active', '--primary-key', 'id', '--retain', '7d')
    await command('run')
    await land('s/t/20240102-000000000.parquet', `select 'U' as "Op", -1::bigint as id, 'changed' as v`)
    await command('run')
    const why = await json('why', 's.t', '-1')
    expect(why).toMatchObject({ table: 's.t', key: [{ column: 'id', value: '-1' }], row: { values: { v: 'changed' } } })
    expect(Object.keys(why).sort()).toEqual(['gone', 'key', 'row', 'steps', 'table', 'turns', 'unreadable'])
    expect(why.steps).toMatchObject([
      { file: 'LOAD00000001.parquet', state: 'taken', decides: false },
      { file: '20240102-000000000.parquet', row: 1, op: 'U', state: 'taken', changed: ['v'], decides: true },
    ])
    expect(await command('why', 's.t', 'none', '--null', 'none')).toContain('In the lake: no such row')

    expect(await json('restore', 's.t', '--version', '0')).toEqual({
      table: 's.t',
      restored: 0,
      progressKept: false,
      version: 2,
    })
    expect((await json('tables')).tables).toMatchObject([{ active: false, version: 2, pending: 1 }])
    expect(await command('why', 's.t', '-1')).toMatch(/row 1: U, pending: the table is inactive[\s\S]*v="load"/u)
    expect(await command('restore', 's.t', '--version', '0')).toBe(
      's.t is as it was at version 0, as version 2, and inactive\n' +
        'Try: dmscdc set s.t --active, which goes on from there: what was taken since then is taken again\n',
    )
    expect(await command('history', 's.t')).toContain('version 2: restored to version 0: its rows, schema and progress')
    await command('set', 's.t', '--active')
    expect((await json('run')).tables).toMatchObject([{ files: 1, changes: { updated: 1 } }])
    const refused = await dmscdc(['restore', 's.t', '--version', '9'], places.environment)
    expect([refused.code, refused.stdout]).toEqual([2, ''])
    expect(refused.stderr).toBe('error: s.t has no version 9, the newest is 3\nTry: dmscdc history s.t\n')
  })
})

describe('compact', () => {
  test('says what it wrote again, and that there is nothing more to do', async ({ land, command, json }) => {
    for (const hour of ['01', '02', '03']) {
      await land(`s/t/20240102-${hour}0000000.parquet`, `select 'I' as "Op", ${hour}::bigint as id`)
      await command('tables')
      await command('set', 's.t', '--active', '--primary-key', 'id')
      await command('run')
    }
    const { tables } = await json('compact', 's.t', '--cluster-by', 'key')
    expect(tables).toHaveLength(1)
    expect(tables[0]).toMatchObject({ table: 's.t', version: 3, partitions: 1, rows: 3, filesRemoved: 3, error: null })
    expect(Object.keys(tables[0]).sort()).toEqual([
      'bytesAdded',
      'bytesRead',
      'bytesRemoved',
      'bytesWritten',
      'deadBytes',
      'error',
      'filesAdded',
      'filesRemoved',
      'ms',
      'partitions',
      'requests',
      'rows',
      'table',
      'version',
    ])
    expect(await command('compact')).toMatch(/^table +version .*\ns\.t +3 +\d+ +\d+ ms\n$/u)
    expect(await command('history', 's.t')).toMatch(/COMPACT.*version 3: 3 data files became 1/su)
  })
})

describe('plan', () => {
  test('prints what the next run then says', async ({ land, command, json }) => {
    await land('s/t/LOAD00000001.parquet', rows)
    await command('set', 's.t', '--active', '--primary-key', 'id')
    const told = await command('plan')
    expect(told).toMatch(
      /^table +work +landing files +changes +files to rewrite +to read +to write +requests +S3 cost\n/u,
    )
    expect(told).toMatch(/\ns\.t +initial +1 +5 inserted +\d/u)
    expect(told).toContain('\ns.t: LOAD00000001.parquet\n')
    expect((await json('run')).tables).toMatchObject([{ status: 'initial', files: 1, changes: { inserted: 5 } }])
  })
})

describe('tables', () => {
  test('shows the candidate keys of an inactive table, and the command that onboards it', async ({
    land,
    command,
    json,
  }) => {
    await land(
      'shop/orders/LOAD00000001.parquet',
      `select range as id, range % 3 as kind, 'n' || range as code from range(9)`,
    )
    expect((await json('tables')).tables).toMatchObject([
      {
        table: 'shop.orders',
        active: false,
        status: 'inactive',
        version: null,
        pending: 1,
        candidateKeys: [['id'], ['code']],
      },
    ])
    const told = await command('tables')
    expect(told).toContain('could have the key id or code')
    expect(told).toContain('Try: dmscdc set shop.orders --active --primary-key id')
    expect((await json('run')).tables).toMatchObject([{ status: 'inactive', files: 0 }])
  })
})

describe('set', () => {
  const given: Readonly<Record<string, readonly [option: string, attribute: string]>> = {
    'id,part': ['--primary-key', 'PrimaryKey'],
    part: ['--partition-key', 'PartitionKey'],
    delta: ['--publish', 'Publish'],
    '3d': ['--retain', 'Retain'],
    '36h': ['--look-back', 'LookBack'],
    '10m': ['--load-settle', 'LoadSettle'],
    AR_H_CHANGE_SEQ: ['--sequence-column', 'SequenceColumn'],
    '2d': ['--remember-deletes', 'RememberDeletes'],
    truncate: ['--on-vanish', 'OnVanish'],
    'Europe/Berlin': ['--landing-timezone', 'LandingTimezone'],
    true: ['--keep-op', 'KeepOp'],
    OLD_: ['--before-image-prefix', 'BeforeImagePrefix'],
    'id bigint, part string': ['--csv-columns', 'CsvColumns'],
    false: ['--csv-header', 'CsvHeader'],
    NULL: ['--csv-null-value', 'CsvNullValue'],
    ';': ['--csv-delimiter', 'CsvDelimiter'],
  }
  const row = ({ state }: Places) =>
    JSON.parse(readFileSync(join(state, 's', 't.json'), 'utf8')) as Record<string, unknown>

  test('writes every option into the row as it was given, and an empty text takes it back', async ({
    places,
    land,
    command,
  }) => {
    await land('s/t/LOAD00000001.parquet', rows)
    const options = Object.entries(given).flatMap(([value, [option]]) => [option, value])
    await command('set', 's.t', '--active', '--rfc4180', 'false', ...options)
    const expected = Object.fromEntries(Object.entries(given).map(([value, [, attribute]]) => [attribute, value]))
    expect(row(places)).toMatchObject({ ...expected, ActiveFlag: 'true', Rfc4180: 'false' })
    const flags = ['--keep-op', '--csv-header']
    const texts = Object.values(given).filter(([option]) => !flags.includes(option))
    await command('set', 's.t', '--inactive', ...texts.flatMap(([option]) => [option, '']))
    expect(row(places)).toMatchObject({ ActiveFlag: 'false', PrimaryKey: 'null', PartitionKey: 'null' })
    for (const [, attribute] of texts.slice(2)) expect(row(places)).not.toHaveProperty(attribute)
  })

  test('edits all tables of a schema, and only them', async ({ land, json }) => {
    for (const key of ['s/a', 's/b', 'other/c', 's2/d']) await land(`${key}/LOAD00000001.parquet`, rows)
    expect(await json('set', 's.*', '--active')).toEqual({ tables: ['s.a', 's.b'] })
    const active = (await json('tables')).tables.filter((one: { active: boolean }) => one.active)
    expect(active.map(({ table }: { table: string }) => table)).toEqual(['s.a', 's.b'])
  })

  test('and all commands name a table with a dot in its schema by double quotes', async ({
    places,
    land,
    command,
    json,
  }) => {
    await land('my.schema/orders/LOAD00000001.parquet', rows)
    const name = '"my.schema".orders'
    expect(await command('set', name, '--active', '--primary-key', 'id')).toBe(`${name} is set\n`)
    expect(await json('run', '--table', name)).toMatchObject({ ok: true, tables: [{ table: name, status: 'initial' }] })
    expect((await json('verify', '--table', name)).tables).toMatchObject([{ table: name, rows: 5 }])
    expect((await json('history', name)).commits).toHaveLength(1)
    expect(readdirSync(join(places.lake, 'my.schema/orders'))).toHaveLength(1)
  })
})
