import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import pLimit from 'p-limit'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { literal } from '../../src/engine/sql.ts'
import { dmscdc, type Ended, openPlaces, type Places, start, stdoutOf } from './process.ts'
import { folderOf, openSql, type Sql } from './table-rows.ts'

let sql: Sql
beforeAll(async () => {
  sql = await openSql()
})
afterAll(() => sql.close())

let places: Places
beforeEach(() => {
  places = openPlaces()
})
afterEach(() => places.remove())

const commands = 'run tables set plan verify history replay restore skip why compact reconcile demo'.split(' ')
const rows = `select range::bigint as id, 'v' || range as v from range(5)`
const changes = `select * from (values ('U', 1::bigint, 'changed'), ('D', 2, null), ('I', 9, 'new')) as c("Op", id, v)`

describe('help', () => {
  test('is there for the program and for every command, on stdout, with exit 0', async () => {
    const program = await dmscdc(['--help'])
    expect([program.code, program.stderr]).toEqual([0, ''])
    for (const command of commands) expect(program.stdout).toMatch(new RegExp(`^  ${command} `, 'mu'))
    for (const { code, stdout, stderr } of await all(commands.map((command) => [command, '--help']))) {
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(/^Usage: dmscdc \w+ [\s\S]*--json/u)
    }
  })

  test('shows the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    expect(await stdoutOf(['--version'], {})).toBe(`${version}\n`)
  })
})

describe('a reader that leaves', () => {
  test('ends nothing: neither an answer, nor a run, is cut short by it, and no trace is shown', async () => {
    await land('s/t/LOAD00000001.parquet', rows)
    await command('tables')
    await command('set', 's.t', '--active', '--primary-key', 'id')
    for (const args of [['--help'], ['run', '--verbose']]) {
      const child = start(args, places.environment)
      child.leave()
      expect(await child.ended).toMatchObject({ code: 0, signal: null })
    }
    expect(JSON.parse(await stdoutOf(['verify', '--json'], places.environment)).tables).toMatchObject([
      { ok: true, rows: 5 },
    ])
  })
})

describe('wrong use', () => {
  test('ends with exit 2, one line that says what was wrong and one that says what to try, and an empty stdout', async () => {
    // Commands that take a lease have a table each: one of two at once says that the other holds it.
    for (const table of ['t', 'u', 'v']) await land(`s/${table}/LOAD00000001.parquet`, rows)
    await command('tables')
    const file = join(places.folder, 'file')
    writeFileSync(file, '')
    const wrong: readonly (readonly [readonly string[], RegExp, Readonly<Record<string, string>>?])[] = [
      [['nonsense'], /unknown command 'nonsense'/u],
      [['--nonsense'], /unknown option '--nonsense'/u],
      [['run', '--nonsense'], /unknown option '--nonsense'/u],
      [['run', 'nonsense'], /too many arguments/u],
      [['history'], /missing required argument/u],
      [['run', '--landing'], /argument missing/u],
      [['run'], /--landing is missing, and so is DMSCDC_LANDING/u, { DMSCDC_LANDING: '' }],
      [['tables'], /--lake is missing/u, { DMSCDC_LAKE: '' }],
      [['verify'], /--state is missing/u, { DMSCDC_STATE: '' }],
      [['run', '--landing', 'ftp://host/x'], /found scheme ftp:\/\//u],
      [['run', '--state', 'redis://x'], /--state: found scheme redis:\/\//u],
      [['run', '--lake', 'file://elsewhere/x'], /is no file URL of this machine/u],
      [['run', '--lake', join(places.landing, 'lake')], /--lake: .* lies in the landing/u],
      [['run', '--landing', 's3://abc', '--lake', 's3://abc/lake/'], /--lake: s3:\/\/abc\/lake\/ lies in the landing/u],
      [['run', '--landing', join(places.folder, 'nowhere')], /there is no folder .*nowhere/u],
      [['plan', '--landing', file], /there is no folder .*file/u],
      [['run', '--table', 'orders'], /"orders" names no table/u],
      [['run', '--table', 'a.b.c'], /"a\.b\.c" names no table/u],
      [['history', '"my.schema.orders'], /names no table/u],
      [['run', '--table', 's.unknown'], /there is no table s\.unknown/u],
      [['verify', '--table', 's.unknown'], /there is no table s\.unknown/u],
      [['set', 's.unknown', '--active'], /there is no table s\.unknown/u],
      [['set', 'other.*', '--active'], /there is no table in schema other/u],
      [['set', 's.t'], /nothing to set/u],
      [['set', 's.t', '--active', '--inactive'], /exclude each other/u],
      [['set', 's.t', '--retain', 'soon'], /attribute Retain is "soon".*expected a duration/u],
      [['set', 's.t', '--publish', 'iceberg'], /not supported by this version: iceberg/u],
      [['set', 's.t', '--primary-key', 'id,ID'], /names "ID" twice/u],
      [['set', 's.t', '--keep-op', 'maybe'], /found "maybe", expected true or false/u],
      [['skip', 's.t', 'x.parquet'], /--why/u],
      [['skip', 's.v', 'x.parquet', '--why', 'w'], /has no landing file x\.parquet/u],
      [['restore', 's.t'], /--version/u],
      [['restore', 's.t', '--version', '-1'], /found "-1", expected the number of a version/u],
      [['restore', 's.t', '--version', 'x'], /found "x", expected the number of a version/u],
      [['restore', 's.t', '--version', '0'], /s\.t was not loaded yet/u],
      [['restore', 's.unknown', '--version', '0'], /there is no table s\.unknown/u],
      [['compact', 's.u'], /s\.u was not loaded yet/u],
      [['compact', 's.unknown'], /there is no table s\.unknown/u],
      [['compact', 'orders'], /"orders" names no table/u],
      [['compact', 's.t', '--cluster-by', 'v'], /argument 'v' is invalid. Allowed choices are key/u],
      [['why', 's.t'], /missing required argument/u],
      [['why', 's.t', '1'], /s\.t has no key/u],
      [['why', 's.unknown', '1'], /there is no table s\.unknown/u],
      [['why', 's.t', '1', '--null'], /argument missing/u],
      [['run', '--memory', 'lots'], /--memory: found "lots"/u],
      [['run', '--memory', '1MB'], /expected at least 64MB/u],
      [['run'], /--memory: found "-1GB"/u, { DMSCDC_MEMORY: '-1GB' }],
      [['run', '--threads', '0'], /--threads: found "0"/u],
      [['run'], /--threads: found "1\.5"/u, { DMSCDC_THREADS: '1.5' }],
      [['run', '--glue-database', 'a/b'], /--glue-database: found "a\/b"/u],
      [['run'], /--glue-database: found "\*"/u, { DMSCDC_GLUE_DATABASE: '*' }],
      [['run', '--concurrency', '0'], /found "0", expected a whole number/u],
      [['run', '--concurrency', 'two'], /found "two", expected a whole number/u],
    ]
    const ends = await all(
      wrong.map(([args]) => args),
      wrong.map(([, , environment]) => environment ?? {}),
    )
    for (const [at, { code, stdout, stderr }] of ends.entries()) {
      const [args, message] = wrong[at] as (typeof wrong)[number]
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' })
      expect(stderr).toMatch(/^error: [^\n]+\nTry: [^\n]+\n$/u)
      expect(stderr).toMatch(message)
    }
    expect(readdirSync(places.folder)).not.toContain('lake')
  })

  test('shows no trace without --verbose, and one with it', async () => {
    await land('s/t/LOAD00000001.parquet', rows)
    const notAFolder = { DMSCDC_STATE: join(places.folder, 'file') }
    writeFileSync(notAFolder.DMSCDC_STATE, '')
    const [plain, verbose] = await all([['tables'], ['tables', '--verbose']], [notAFolder, notAFolder])
    expect([plain?.code, plain?.stdout]).toEqual([1, ''])
    expect(plain?.stderr).toMatch(/^error: [^\n]+\nTry: [^\n]+\n$/u)
    expect(verbose?.stderr).toMatch(/^ +at /mu)
    expect(verbose?.stderr).toMatch(/^error: [^\n]+\nTry: [^\n]+\n$/mu)
  })
})

describe('an empty landing', () => {
  test('is fine for every command', async () => {
    for (const { code, stderr } of await all([['run'], ['tables'], ['plan'], ['verify']]))
      expect([code, stderr]).toEqual([0, ''])
    expect(await json('run')).toMatchObject({ ok: true, tables: [], requests: { get: 0, put: 0, list: 1 } })
    expect(await json('tables')).toEqual({ tables: [] })
    expect(await json('plan')).toEqual({ tables: [] })
    expect(await json('verify')).toEqual({ ok: true, tables: [] })
  })
})

describe('--json', () => {
  test('prints one document with the fields of the contract, and nothing else on stdout while the log flows', async () => {
    await land('s/t/LOAD00000001.parquet', rows)
    await command('tables')
    await command('set', 's.t', '--active', '--primary-key', 'id')
    const planned = await json('plan')
    expect(planned.tables[0]).toMatchObject({
      table: 's.t',
      work: 'initial',
      inputs: ['LOAD00000001.parquet'],
      error: null,
    })
    expect(keysOf(planned, 'tables')).toEqual([
      ['tables'],
      [
        'table',
        'work',
        'inputs',
        'changes',
        'filesToRewrite',
        'bytesToRead',
        'bytesToWrite',
        'requests',
        'costUsd',
        'error',
      ].sort(),
    ])

    const run = await dmscdc(['run', '--json', '--verbose'], places.environment)
    expect(run.code).toBe(0)
    for (const line of run.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg')
    const ran = JSON.parse(run.stdout)
    expect(ran).toMatchObject({
      ok: true,
      tables: [{ table: 's.t', status: 'initial', version: 0, files: 1, filesAdded: 1, error: null, warnings: [] }],
    })
    expect(keysOf(ran, 'tables')).toEqual([
      ['ok', 'requests', 'tables'],
      [
        ...[
          'table',
          'status',
          'version',
          'files',
          'changes',
          'filesRewritten',
          'filesAdded',
          'filesRemoved',
          'bytesRead',
        ],
        ...['bytesWritten', 'requests', 'ms', 'freshnessSeconds', 'warnings', 'error'],
      ].sort(),
    ])
    expect(Object.keys(ran.tables[0].changes).sort()).toEqual([
      'deleted',
      'ignored',
      'inserted',
      'unchanged',
      'updated',
    ])
    expect(Object.keys(ran.tables[0].requests)).toEqual(expect.arrayContaining(['get', 'put', 'list', 'delete']))

    await land('s/t/20240102-000000000.parquet', changes)
    const listed = await json('tables')
    expect(listed.tables[0]).toMatchObject({
      ...{ table: 's.t', active: true, primaryKey: ['id'], partitionKey: [], status: 'ready', version: 0, rows: 5 },
      ...{ files: 1, pending: 1, held: null },
    })
    expect(keysOf(listed, 'tables')[1]).toEqual(
      [
        ...[
          'table',
          'active',
          'primaryKey',
          'partitionKey',
          'status',
          'version',
          'rows',
          'files',
          'bytes',
          'lastFullLoadDate',
        ],
        ...['lastIncrementalFile', 'pending', 'held', 'freshThrough', 'lastRun', 'adopted', 'candidateKeys'],
      ].sort(),
    )
    const merged = await json('run')
    expect(merged.tables[0].changes).toEqual({ inserted: 1, updated: 1, deleted: 1, unchanged: 0, ignored: 0 })
    expect((await json('tables')).tables[0].freshThrough).toBe('2024-01-02T00:00:00.000Z')

    const verified = await json('verify')
    expect(verified).toMatchObject({ ok: true, tables: [{ ok: true, version: 1, rows: 5, files: 1, problems: [] }] })
    expect(keysOf(verified, 'tables')).toEqual([
      ['ok', 'tables'],
      ['files', 'ok', 'problems', 'rows', 'table', 'version'],
    ])
    writeFileSync(join(places.lake, 's/t/by-hand.parquet'), '')
    const { problems } = JSON.parse(await stdoutOf(['verify', '--json'], places.environment, 1)).tables[0]
    expect(problems).toEqual([{ kind: 'unlisted', path: 's/t/by-hand.parquet', message: expect.any(String) }])
  })
})

describe('a table that is held', () => {
  test('makes the exit 1, says why and what to do, and the others go on; skip passes over its file, and history says so', async () => {
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
  test('brings a version back and says how to go on; why tells a key before and after', async () => {
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
  test('says what it wrote again, and that there is nothing more to do', async () => {
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

describe('tables', () => {
  test('shows the candidate keys of an inactive table, and the command that onboards it', async () => {
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
  const row = (schema: string, table: string) =>
    JSON.parse(readFileSync(join(places.state, schema, `${table}.json`), 'utf8')) as Record<string, unknown>

  test('writes every option into the row as it was given, and an empty text takes it back', async () => {
    await land('s/t/LOAD00000001.parquet', rows)
    const options = Object.entries(given).flatMap(([value, [option]]) => [option, value])
    await command('set', 's.t', '--active', '--rfc4180', 'false', ...options)
    const expected = Object.fromEntries(Object.entries(given).map(([value, [, attribute]]) => [attribute, value]))
    expect(row('s', 't')).toMatchObject({ ...expected, ActiveFlag: 'true', Rfc4180: 'false' })
    const flags = ['--keep-op', '--csv-header']
    const texts = Object.values(given).filter(([option]) => !flags.includes(option))
    await command('set', 's.t', '--inactive', ...texts.flatMap(([option]) => [option, '']))
    expect(row('s', 't')).toMatchObject({ ActiveFlag: 'false', PrimaryKey: 'null', PartitionKey: 'null' })
    for (const [, attribute] of texts.slice(2)) expect(row('s', 't')).not.toHaveProperty(attribute)
  })

  test('edits all tables of a schema, and only them', async () => {
    for (const key of ['s/a', 's/b', 'other/c', 's2/d']) await land(`${key}/LOAD00000001.parquet`, rows)
    expect(await json('set', 's.*', '--active')).toEqual({ tables: ['s.a', 's.b'] })
    const active = (await json('tables')).tables.filter((one: { active: boolean }) => one.active)
    expect(active.map(({ table }: { table: string }) => table)).toEqual(['s.a', 's.b'])
  })

  test('and all commands name a table with a dot in its schema by double quotes', async () => {
    await land('my.schema/orders/LOAD00000001.parquet', rows)
    const name = '"my.schema".orders'
    expect(await command('set', name, '--active', '--primary-key', 'id')).toBe(`${name} is set\n`)
    expect(await json('run', '--table', name)).toMatchObject({ ok: true, tables: [{ table: name, status: 'initial' }] })
    expect((await json('verify', '--table', name)).tables).toMatchObject([{ table: name, rows: 5 }])
    expect((await json('history', name)).commits).toHaveLength(1)
    expect(readdirSync(join(places.lake, 'my.schema/orders'))).toHaveLength(1)
  })
})

describe('places', () => {
  test('are given by flags as well as by variables, as paths or file URLs; a flag wins', async () => {
    await land('s/t/LOAD00000001.parquet', rows)
    const lake = join(places.folder, 'lake of flags & more')
    const flags = [
      '--landing',
      pathToFileURL(places.landing).href,
      '--lake',
      pathToFileURL(lake).href,
      '--state',
      places.state,
    ]
    const limits = ['--memory', '256MB', '--threads', '1', '--temp', places.temp]
    await stdoutOf(['set', 's.t', '--active', '--primary-key', 'id', ...flags], {})
    const elsewhere = { ...places.environment, DMSCDC_LANDING: '/nowhere', DMSCDC_MEMORY: 'wrong' }
    const ran = JSON.parse(await stdoutOf(['run', '--json', ...flags, ...limits], elsewhere))
    expect(ran).toMatchObject({ ok: true, tables: [{ status: 'initial' }] })
    expect(readdirSync(join(lake, 's/t'))).toHaveLength(1)
    expect(readdirSync(places.temp)).toEqual([])
    expect(readdirSync(places.folder)).not.toContain('lake')
  })
})

/** Runs commands, a few at a time, each in the places' environment and what is given beyond. */
function all(
  argumentLists: readonly (readonly string[])[],
  environments: readonly Readonly<Record<string, string>>[] = [],
): Promise<readonly Ended[]> {
  const limit = pLimit(3)
  return Promise.all(
    argumentLists.map((args, at) => limit(() => dmscdc(args, { ...places.environment, ...environments[at] }))),
  )
}

const command = (...args: readonly string[]) => stdoutOf(args, places.environment)
const json = async (...args: readonly string[]) => JSON.parse(await command(...args, '--json'))

async function land(key: string, select: string): Promise<void> {
  const path = join(places.landing, key)
  mkdirSync(dirname(path), { recursive: true })
  await sql.run(`copy (${select}) to ${literal(path)} (format parquet)`)
}

const lakeRows = (table: string) => sql.rows(`select * from ${folderOf(places.lake, table)} order by id`)

/** The names of a document's fields, and of those of the first of its items. */
function keysOf(document: Record<string, unknown>, items: string): readonly (readonly string[])[] {
  const [first] = document[items] as Record<string, unknown>[]
  return [Object.keys(document).sort(), Object.keys(first ?? {}).sort()]
}
