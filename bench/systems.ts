import { fileURLToPath } from 'node:url'
import { pythonReaders } from '../test/support/python.ts'
import { installedSpark } from '../test/support/spark.ts'
import { type Measured, measure } from './process.ts'
import type { Place } from './storage.ts'
import type { TableKind } from './workload.ts'

export const launcher = fileURLToPath(new URL('../bin/dmscdc', import.meta.url))
const peersFolder = fileURLToPath(new URL('peers/', import.meta.url))

/** Something that keeps the benchmark's table. Its landing and its table are folders of a place. */
export type System = {
  readonly name: string
  /** Makes the table from local LOAD files. Only the work is measured, not the delivery of the files. */
  readonly load: (place: Place, kind: TableKind, files: readonly string[]) => Promise<Measured>
  /** Merges local change files, delivered under names that begin with `stamp`. */
  readonly merge: (place: Place, kind: TableKind, files: readonly string[], stamp: string) => Promise<Measured>
  /** The table's data files as its readers find them. */
  readonly files: (place: Place) => Promise<readonly string[]>
}

export function ours(memory: string): System {
  const deliver = (place: Place, files: readonly string[], stamp: string) =>
    deliverAs(
      place,
      files,
      (file, at) => `landing/bench/t/${stamp === '' ? baseName(file) : `${stamp}${String(at)}.parquet`}`,
    )
  return {
    name: 'dmscdc',
    async load(place, kind, files) {
      await deliver(place, files, '')
      const keys = ['--primary-key', kind.keys.join(','), '--partition-key', kind.partitionColumn ?? 'null']
      await measure(process.execPath, [launcher, 'set', 'bench.t', '--active', ...keys], environment(place))
      return run(place, memory, ['--table', 'bench.t'])
    },
    async merge(place, _, files, stamp) {
      await deliver(place, files, stamp)
      return run(place, memory, ['--table', 'bench.t'])
    },
    files: async (place) => (await place.parquetFiles('lake/bench/t')).map(({ uri }) => uri),
  }
}

export function run(place: Place, memory: string, more: readonly string[] = []): Promise<Measured> {
  return measure(process.execPath, [launcher, 'run', '--json', '--memory', memory, ...more], environment(place))
}

export function environment(place: Place): Record<string, string> {
  const places = ['landing', 'lake', 'state', 'temp'].map((name) => [`DMSCDC_${name.toUpperCase()}`, place.uri(name)])
  return { ...Object.fromEntries(places), ...place.env }
}

/** The peers that are asked for and can be had, each a script of `peers/`. */
export async function peers(names: readonly string[]): Promise<readonly System[]> {
  const systems: System[] = []
  for (const name of names) {
    const interpreter = name.includes('spark') ? await sparkPython() : await plainPython()
    if (interpreter !== null) systems.push(scripted(name, interpreter))
  }
  return systems
}

type Interpreter = { readonly python: string; readonly env: Readonly<Record<string, string>> }

async function plainPython(): Promise<Interpreter | null> {
  const python = await pythonReaders()
  return python === null ? null : { python, env: {} }
}

async function sparkPython(): Promise<Interpreter | null> {
  const spark = await installedSpark()
  return spark === null ? null : { python: 'python3', env: { ...spark.environment, SPARK_JARS: spark.jars } }
}

/** `<script> load <table> <keys, by commas> <partition column> <file>…`, `merge …` the same, `files <table>`; an empty column is none. */
function scripted(name: string, { python, env }: Interpreter): System {
  const script = (place: Place, args: readonly string[]) =>
    measure(python, [`${peersFolder}${name}.py`, ...args], { ...env, ...place.env })
  const deliver = (place: Place, files: readonly string[], stamp: string) =>
    deliverAs(place, files, (file, at) => `input/${stamp === '' ? baseName(file) : `${stamp}${String(at)}.parquet`}`)
  const work =
    (step: 'load' | 'merge') =>
    async (place: Place, kind: TableKind, files: readonly string[], stamp = '') =>
      script(place, [
        step,
        place.uri('table'),
        kind.keys.join(','),
        kind.partitionColumn ?? '',
        ...(await deliver(place, files, stamp)),
      ])
  return {
    name,
    load: work('load'),
    merge: work('merge'),
    files: async (place) => (await script(place, ['files', place.uri('table')])).stdout.trim().split('\n'),
  }
}

async function deliverAs(place: Place, files: readonly string[], nameOf: (file: string, at: number) => string) {
  const names = files.map(nameOf)
  for (const [at, file] of files.entries()) await place.put(file, names[at] as string)
  return names.map((name) => place.uri(name))
}

const baseName = (path: string) => path.slice(path.lastIndexOf('/') + 1)
