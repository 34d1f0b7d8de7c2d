import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect } from 'vitest'
import { rows, test } from './cli-test.ts'
import { dmscdc, start, stdoutOf } from './process.ts'

const commands = 'run tables set plan verify history replay restore skip why compact reconcile demo'.split(' ')

describe('help', () => {
  test('is there for the program and for every command, on stdout, with exit 0', async ({ all }) => {
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
  test('ends nothing: neither an answer, nor a run, is cut short by it, and no trace is shown', async ({
    places,
    land,
    command,
  }) => {
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
  test('ends with exit 2, one line that says what was wrong and one that says what to try, and an empty stdout', async ({
    places,
    land,
    command,
    all,
  }) => {
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

  test('shows no trace without --verbose, and one with it', async ({ places, land, all }) => {
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
  test('is fine for every command', async ({ json, all }) => {
    for (const { code, stderr } of await all([['run'], ['tables'], ['plan'], ['verify']]))
      expect([code, stderr]).toEqual([0, ''])
    expect(await json('run')).toMatchObject({ ok: true, tables: [], requests: { get: 0, put: 0, list: 1 } })
    expect(await json('tables')).toEqual({ tables: [] })
    expect(await json('plan')).toEqual({ tables: [] })
    expect(await json('verify')).toEqual({ ok: true, tables: [] })
  })
})

describe('places', () => {
  test('are given by flags as well as by variables, as paths or file URLs; a flag wins', async ({ places, land }) => {
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
