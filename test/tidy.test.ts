import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

/** The rules of the house. Each is a function from sources to offences, so that a test can show that it bites. */
type Source = { readonly path: string; readonly text: string }

/** From the bottom up; imports go strictly downward. A unit is a folder of src or a file in it (`cli-tables.ts` belongs to `cli`). */
const layers = [
  ['costs', 'domain', 'limits', 'steps', 'sum'],
  ['errors'],
  ['lake-types', 'parquet'],
  ['clock', 'log', 'config', 'own-process'],
  ['ports'],
  ['objects', 'catalog', 'engine', 'version'],
  ['state'],
  ['landing', 'lake'],
  ['load-initial', 'load-incremental', 'source'],
  ['process-table'],
  ['dispatch', 'reconcile'],
  ['controller'],
  ['system', 'render', 'render-why', 'metrics', 'terminal-log'],
  ['demo'],
  ['cli'],
]

/** Their types may be imported, as types, by whoever stands above the nouns: `Ports` names them all. */
const portTypes = [
  'src/objects/object-store.ts',
  'src/state/state-store.ts',
  'src/engine/engine.ts',
  'src/catalog/catalog.ts',
]

const entryPoints = [
  'config.ts',
  'system.ts',
  'clock.ts',
  'log.ts',
  'own-process.ts',
  /cli[^/]*\.ts/,
  /cli\/.+/,
  /demo[^/]*\.ts/,
  /demo\/.+/,
]
const adapters = [
  /objects\/[^/]+-objects\.ts/,
  /objects\/(?:file|s3)-[^/]+\.ts/,
  /state\/[^/]+-state\.ts/,
  /state\/(?:file|dynamodb)-[^/]+\.ts/,
  'state/holder.ts',
  /engine\/duckdb-[^/]+\.ts/,
]

/** What only adapters and entry points may touch, and which of them. */
const world = [
  {
    what: /^@aws-sdk\//,
    in: [/objects\/s3-.+/, /state\/dynamodb-.+/, /catalog\/glue-.+/, /dispatch\/(?:ecs|glue)-.+/, 'system.ts'],
  },
  { what: /^@duckdb\//, in: [/engine\/duckdb-.+/] },
  { what: /^mysql2(?:\/|$)/, in: [/source\/mysql-.+/] },
  { what: /^node:(?:fs|os|child_process)(?:\/|$)/, in: [...adapters, ...entryPoints] },
]
const worldGlobals = {
  what: /\bprocess\.env\b|\bprocess\[|\bDate\.now\b|\bnew Date\(\s*\)|\bnew Date\b(?!\()|\bMath\.random\b|\brandomUUID\b|\bulid\b/,
  in: [...adapters, ...entryPoints],
}

const dependencies = {
  '@aws-sdk/client-dynamodb': '3.1162.0',
  '@aws-sdk/client-ecs': '3.1162.0',
  '@aws-sdk/client-glue': '3.1169.0',
  '@aws-sdk/client-s3': '3.1169.0',
  '@aws-sdk/util-dynamodb': '3.996.9',
  '@duckdb/node-api': '1.5.5-r.5',
  '@duckdb/node-bindings': '1.5.5-r.5',
  'cli-table3': '0.6.5',
  commander: '14.0.3',
  mysql2: '3.24.6',
  ora: '9.4.1',
  'p-limit': '7.3.3',
  picocolors: '1.1.1',
  pino: '10.4.0',
  ulid: '3.0.2',
  zod: '4.6.7',
}
const devDependencies = {
  '@biomejs/biome': '2.5.15',
  '@types/node': '20.19.43',
  '@vlasky/zongji': '0.9.0',
  'apache-arrow': '21.2.0',
  esbuild: '0.28.2',
  'fast-check': '4.10.2',
  hyparquet: '1.31.5',
  'hyparquet-writer': '0.17.0',
  'parquet-wasm': '0.8.0',
  tsx: '4.23.15',
  typescript: '7.0.2',
  vitest: '4.1.12',
}

const linesMax = 400

describe('the code of this repository', () => {
  const rules = {
    'imports go strictly downward, and siblings do not import each other': upwardImports,
    'the nouns import nothing': importsOfNouns,
    'only adapters and entry points touch the world': worldOutsideAdapters,
    'src uses only the packages that are installed with it': foreignPackages,
    'a file is one thought': longFiles,
    'files are kebab-case, and named after what they hold': badNames,
    'there are no barrel files': barrels,
    'nothing is left for later': postponements,
  }

  for (const [claim, rule] of Object.entries(rules)) {
    test(claim, () => {
      expect(rule(sources())).toEqual([])
    })
  }

  test('the dependencies are these, in exactly these versions', () => {
    const found = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    expect(found.dependencies).toEqual(dependencies)
    expect(found.devDependencies).toEqual(devDependencies)
  })

  test('the rules see the files and their imports', () => {
    const listing = sources().find(({ path }) => path === 'src/landing/listing.ts')
    const seen = listing ? importsOf(listing).map(({ specifier }) => specifier) : []
    expect(seen).toEqual(['node:crypto', '../domain.ts', '../objects/object-store.ts', './names.ts'])
  })
})

describe('each rule bites', () => {
  test.each([
    ['a lower layer', 'src/lake/commit.ts', "import { run } from '../controller/run.ts'"],
    ['a sibling', 'src/landing/listing.ts', "import type { Log } from '../lake/log.ts'"],
    ['over many lines', 'src/objects/s3-objects.ts', "import {\n  a,\n  type B,\n} from '../landing/names.ts'"],
    ['by re-export', 'src/objects/file-objects.ts', "export * from '../state/file-state.ts'"],
    ['by a named re-export', 'src/objects/file-objects.ts', "export { a } from '../state/file-state.ts'"],
    ['for the side effect', 'src/clock.ts', "import './system.ts'"],
    ['when asked', 'src/clock.ts', "const system = await import('./system.ts')"],
    ['by a type in place', 'src/clock.ts', "let x: import('./system.ts').System"],
    ['of a port that is no type', 'src/ports.ts', "import { listAll } from './objects/object-store.ts'"],
    ['of an adapter’s type', 'src/ports.ts', "import type { X } from './objects/file-objects.ts'"],
    ['to where no layer is', 'src/lake/commit.ts', "import { a } from '../misc/a.ts'"],
    ['from where no layer is', 'src/misc.ts', "import type { TableId } from './domain.ts'"],
    ['out of src', 'src/lake/commit.ts', "import { a } from '../../test/support/a.ts'"],
  ])('upward: %s', (_how, path, text) => {
    expect(upwardImports([source(path, text)])).toHaveLength(1)
  })

  test.each([
    ['src/cli.ts', "import { openSystem } from './system.ts'"],
    ['src/cli-tables.ts', "import { main } from './cli.ts'"],
    ['src/ports.ts', "import type { ObjectStore } from './objects/object-store.ts'"],
    ['src/landing/listing.ts', "import { listAll, type ObjectStore } from '../objects/object-store.ts'"],
    ['src/landing/listing.ts', "import { classify } from './names.ts'"],
    ['src/lake/commit.ts', "// import { a } from '../controller/run.ts'"],
    ['test/x.test.ts', "import { a } from '../src/cli.ts'"],
  ])('downward: %s: %s', (path, text) => {
    expect(upwardImports([source(path, text)])).toEqual([])
  })

  test('a noun that imports', () => {
    expect(importsOfNouns([source('src/domain.ts', "import type { A } from './errors.ts'")])).toHaveLength(1)
  })

  test.each([
    ['src/lake/commit.ts', "import { S3Client } from '@aws-sdk/client-s3'"],
    ['src/engine/duckdb-engine.ts', "import { S3Client } from '@aws-sdk/client-s3'"],
    ['src/engine/engine.ts', "import type { DuckDBConnection } from '@duckdb/node-api'"],
    ['src/engine/engine.ts', "import { readFile } from 'node:fs/promises'"],
    ['src/objects/object-store.ts', "import fs from 'node:fs'"],
    ['src/landing/names.ts', "import { cpus } from 'node:os'"],
    ['src/source/source.ts', "import mysql from 'mysql2/promise'"],
    ['src/controller/run.ts', "import { fork } from 'node:child_process'"],
    ['src/controller/run.ts', 'const ci = process.env.CI'],
    ['src/controller/run.ts', "const ci = process['env']"],
    ['src/controller/run.ts', 'const { now } = { now: Date.now }'],
    ['src/controller/run.ts', 'const now = new Date()'],
    ['src/controller/run.ts', 'const now = new Date'],
    ['src/controller/run.ts', 'const name = String(Math.random())'],
    ['src/controller/run.ts', "import { randomUUID } from 'node:crypto'"],
    ['src/controller/run.ts', "import { ulid } from 'ulid'"],
  ])('the world in %s: %s', (path, text) => {
    expect(worldOutsideAdapters([source(path, text)])).toHaveLength(1)
  })

  test.each([
    ['src/objects/s3-objects.ts', "import { S3Client } from '@aws-sdk/client-s3'"],
    ['src/engine/duckdb-engine.ts', "import { DuckDBInstance } from '@duckdb/node-api'"],
    ['src/clock.ts', 'export const clock = { now: () => Date.now() }'],
    ['src/landing/names.ts', 'const text = new Date(ms).toISOString()'],
    ['src/landing/names.ts', ' * Never asks Date.now for it'],
    ['src/landing/names.ts', 'const a = 1 // not Date.now()'],
  ])('not the world, or at its place in %s: %s', (path, text) => {
    expect(worldOutsideAdapters([source(path, text)])).toEqual([])
  })

  test.each(["import fc from 'fast-check'", "import axios from 'axios/lib'", "import { readFile } from 'fs'"])(
    '%s in src',
    (text) => {
      expect(foreignPackages([source('src/cli.ts', text)])).toHaveLength(1)
    },
  )

  test('a long file, but not a long test', () => {
    const text = 'a\n'.repeat(linesMax + 1)
    expect(longFiles([source('src/a.ts', text), source('test/a.test.ts', text)])).toHaveLength(1)
    expect(longFiles([source('src/a.ts', 'a\n'.repeat(linesMax))])).toEqual([])
  })

  test.each([
    'utils',
    'string-util',
    'common',
    'test-helpers',
    'helper',
    'lock-manager',
    'table-service',
    'camelCase',
    'snake_case',
    'Upper',
  ])('the name %s.ts', (name) => {
    expect(badNames([source(`src/${name}.ts`, '')])).toHaveLength(1)
    expect(badNames([source(`src/${name}/a.ts`, '')])).toHaveLength(1)
  })

  test('the names of good files pass', () => {
    const names = [
      'src/lake/commit.ts',
      'test/landing-names.test.ts',
      'test/e2e/demo.slow.test.ts',
      'src/objects/s3-objects.ts',
      'bench/a.mjs',
    ]
    expect(badNames(names.map((path) => source(path, '')))).toEqual([])
  })

  test('a barrel, by name or by content', () => {
    expect(barrels([source('src/lake/index.ts', 'export const a = 1')])).toHaveLength(1)
    expect(barrels([source('src/lake/all.ts', "export { a } from './a.ts'")])).toHaveLength(1)
    expect(barrels([source('src/lake/all.ts', "export * from './a.ts'")])).toHaveLength(1)
  })

  test('a word for later', () => {
    expect(
      postponements([source('src/a.ts', `// ${laterWords[0]}: finish`), source('test/a.ts', `/* ${laterWords[1]} */`)]),
    ).toHaveLength(2)
  })
})

const laterWords = ['TO' + 'DO', 'FIX' + 'ME']
const root = fileURLToPath(new URL('..', import.meta.url))

function upwardImports(files: readonly Source[]): string[] {
  return inSrc(files).flatMap((file) =>
    importsOf(file)
      .filter(({ specifier }) => specifier.startsWith('.'))
      .map(({ specifier, typeOnly }) => ({ target: posix.join(posix.dirname(file.path), specifier), typeOnly }))
      .filter(({ target, typeOnly }) => !mayImport(file.path, target, typeOnly))
      .map(({ target }) => `${file.path} imports ${target}`),
  )
}

function mayImport(path: string, target: string, typeOnly: boolean): boolean {
  const [from, to] = [rankOf(path), rankOf(target)]
  if (path === 'src/version.ts' && target === 'package.json') return true
  if (from === null || to === null) return false
  if (unitOf(path) === unitOf(target)) return true
  return to < from || (typeOnly && portTypes.includes(target) && from > 0)
}

function importsOfNouns(files: readonly Source[]): string[] {
  return files
    .filter(({ path }) => rankOf(path) === 0)
    .flatMap((file) => importsOf(file).map(({ specifier }) => `${file.path} imports ${specifier}`))
}

function worldOutsideAdapters(files: readonly Source[]): string[] {
  return inSrc(files).flatMap((file) => {
    const imported = importsOf(file).filter(({ specifier }) =>
      world.some((part) => part.what.test(specifier) && !isIn(file, part.in)),
    )
    const lines = withoutComments(file.text).split('\n')
    const used = isIn(file, worldGlobals.in) ? [] : lines.filter((line) => worldGlobals.what.test(line))
    return [
      ...imported.map(({ specifier }) => `${file.path} imports ${specifier}`),
      ...used.map((line) => `${file.path}: ${line.trim()}`),
    ]
  })
}

function foreignPackages(files: readonly Source[]): string[] {
  const packageOf = (specifier: string) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? ''
  return inSrc(files).flatMap((file) =>
    importsOf(file)
      .filter(
        ({ specifier }) =>
          !specifier.startsWith('.') &&
          !specifier.startsWith('node:') &&
          !Object.hasOwn(dependencies, packageOf(specifier)),
      )
      .map(({ specifier }) => `${file.path} imports ${specifier}`),
  )
}

function longFiles(files: readonly Source[]): string[] {
  const lines = (text: string) => text.trimEnd().split('\n').length
  return inSrc(files).flatMap(({ path, text }) =>
    lines(text) > linesMax ? [`${path} has ${lines(text)} lines, at most ${linesMax}`] : [],
  )
}

function badNames(files: readonly Source[]): string[] {
  const isKebab = (name: string) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)
  const saysNothing = (name: string) => /(?:^|-)(?:utils?|common|helpers?|managers?|services?)(?:-|$)/.test(name)
  return files
    .map(({ path }) => path)
    .filter((path) => {
      const name = basename(path).replace(/(?:\.slow)?(?:\.test)?(?:\.d)?\.(?:ts|mjs|js|py)$/, '')
      return [...dirname(path).split('/'), name].some((part) => !isKebab(part) || saysNothing(part))
    })
}

function barrels(files: readonly Source[]): string[] {
  const passesOn = ({ text }: Source) =>
    /^\s*export\s+(?:type\s+)?(?:\*|\{[^}]*\}\s*from\b)/m.test(withoutComments(text))
  return inSrc(files)
    .filter((file) => basename(file.path) === 'index.ts' || passesOn(file))
    .map(({ path }) => path)
}

function postponements(files: readonly Source[]): string[] {
  const isLater = new RegExp(`\\b(?:${laterWords.join('|')})\\b`)
  return files.flatMap(({ path, text }) => (isLater.test(text) ? [path] : []))
}

/** The modules that a source names: imported, re-exported, loaded when asked, or as a type in place. */
function importsOf({ text }: Source): { specifier: string; typeOnly: boolean }[] {
  const statement =
    /^\s*(?:import|export)\s+(type\s+)?(?:\*|\{[^}]*\}|[\w$]+)(?:[^'"`;=(]*?)\bfrom\s+['"]([^'"]+)['"]/gm
  const bare = /^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm
  const code = withoutComments(text)
  return [
    ...[...code.matchAll(statement)].map(([, type, specifier = '']) => ({ specifier, typeOnly: type !== undefined })),
    ...[...code.matchAll(bare)].map(([, first, second]) => ({ specifier: first ?? second ?? '', typeOnly: false })),
  ]
}

/** As the formatter leaves them, comments stand on lines of their own or after the code. */
function withoutComments(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s*(?:\/\/|\/\*|\*)/.test(line))
    .map((line) => line.replace(/\s\/\/\s.*$/, ''))
    .join('\n')
}

function rankOf(path: string): number | null {
  const unit = unitOf(path)
  const rank = layers.findIndex((layer) => unit !== null && layer.includes(unit))
  return rank < 0 ? null : rank
}

function unitOf(path: string): string | null {
  const first = /^src\/([^/]+?)(?:\.ts$|\/)/.exec(path)?.[1]
  return first === undefined ? null : first.replace(/^(cli|demo)-.*$/, '$1')
}

function isIn({ path }: Source, places: readonly (string | RegExp)[]): boolean {
  return places.some((place) =>
    new RegExp(`^src/${typeof place === 'string' ? place.replace('.', '\\.') : place.source}$`).test(path),
  )
}

const inSrc = (files: readonly Source[]) => files.filter(({ path }) => path.startsWith('src/'))

function source(path: string, text: string): Source {
  return { path, text }
}

function sources(): Source[] {
  return ['src', 'test', 'sample-db', 'scripts', 'bench']
    .flatMap((folder) => filesBelow(folder))
    .map((path) => source(path, readFileSync(join(root, path), 'utf8')))
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(root, { withFileTypes: true }).some((entry) => entry.name === folder)
    ? readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    : []
  return entries
    .filter((entry) => entry.isFile() && /\.(?:ts|mjs|js|py)$/.test(entry.name))
    .map((entry) => posix.join(entry.parentPath.slice(root.length), entry.name))
    .filter((path) => !path.includes('node_modules/'))
}
