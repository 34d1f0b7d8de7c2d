import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { test } from './cli-test.ts'
import { dmscdc, type Places } from './process.ts'

/** The sources of all scripts that the process read, by what V8 says of its coverage and by the bundle's source maps. */
async function sourcesReadBy(places: Places, args: readonly string[]): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'start-up-'))
  try {
    const { code, stderr } = await dmscdc(args, { ...places.environment, NODE_V8_COVERAGE: folder })
    expect([code, code === 0 ? '' : stderr]).toEqual([0, ''])
    const scripts = readdirSync(folder).flatMap((name) => {
      const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] }
      return result.filter(({ url }) => url.startsWith('file:')).map(({ url }) => fileURLToPath(url))
    })
    return scripts.flatMap((path) => [path, ...bundledIn(path)])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function bundledIn(path: string): readonly string[] {
  if (!existsSync(`${path}.map`)) return []
  return (JSON.parse(readFileSync(`${path}.map`, 'utf8')) as { sources: string[] }).sources
}

const among = (sources: readonly string[], pattern: RegExp) => sources.filter((source) => pattern.test(source))

const engine = /@duckdb|engine\/duckdb-/u
const clients = /@aws-sdk|@smithy|mysql2/u

describe('what a start reads', () => {
  test('for the version: the command line and nothing behind it', async ({ places }) => {
    const sources = await sourcesReadBy(places, ['--version'])
    expect(among(sources, /src\/cli\.ts$/u)).toHaveLength(1)
    expect(among(sources, /src\/(?!cli-launch\.ts|cli\.ts|version\.ts|errors\.ts|limits\.ts)/u)).toEqual([])
  })

  test('for idle tables on this disk: neither the engine nor the clients of other places; work opens the engine', async ({
    places,
    land,
    command,
  }) => {
    await land('shop/orders/LOAD00000001.parquet', 'select 1::bigint as id')
    await command('tables')
    await command('set', 'shop.orders', '--active', '--primary-key', 'id')
    const working = await sourcesReadBy(places, ['run'])
    expect(among(working, engine)).not.toEqual([])
    const idle = await sourcesReadBy(places, ['run'])
    expect(among(idle, /src\/controller\/run-cycle\.ts$/u)).toHaveLength(1)
    expect(among(idle, engine)).toEqual([])
    expect(among(idle, clients)).toEqual([])
  })

  test('with the code that V8 made of each script at build time, which it takes also once the engine is open', () => {
    const bundle = fileURLToPath(new URL('../../dist', import.meta.url))
    const told = execFileSync(process.execPath, ['-e', tellOfCode, bundle], { encoding: 'utf8' })
    const { scripts, refused, refusedLater } = JSON.parse(told) as Record<string, readonly string[]>
    expect(scripts).toContain('cli.js')
    expect([refused, refusedLater]).toEqual([[], []])
  })

  test('and an end with work that is still waited for is an error', async ({ places }) => {
    const never = join(places.folder, 'never.cjs')
    writeFileSync(never, `require('node:fs/promises').opendir = () => new Promise(() => {})`)
    const ended = await dmscdc(['tables'], { ...places.environment, NODE_OPTIONS: `--require ${never}` })
    expect(ended).toMatchObject({ code: 13, stdout: '', stderr: expect.stringContaining('before its work was done') })
  })
})

const tellOfCode = `
  const { readdirSync, readFileSync } = require('node:fs')
  const bundle = process.argv[1]
  const { compiledPath, launch, scriptAt } = require(bundle + '/cli-launch.js')
  const scripts = readdirSync(bundle).filter((name) => name.endsWith('.js') && name !== 'cli-launch.js')
  const isRefused = (name) => scriptAt(bundle + '/' + name, readFileSync(compiledPath(bundle, name))).cachedDataRejected
  const refused = scripts.filter(isRefused)
  launch(bundle, scripts.find((name) => name.startsWith('duckdb-engine')))
  console.log(JSON.stringify({ scripts, refused, refusedLater: scripts.filter(isRefused) }))
`
