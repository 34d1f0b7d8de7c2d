import { type Column, type LakeType, type LandingFile, tableName } from '../domain.ts'
import { list, literal } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { commonType, sameType } from '../lake-types.ts'
import { type OpenedFile, openLanding } from '../landing/inspect.ts'
import { landingSelect } from '../landing/landing-sql.ts'
import { listTable } from '../landing/listing.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { lakeText, type ValueKind } from './forms.ts'
import { printedRows } from './printed-rows.ts'
import type { ComparedColumn, Comparison, OpenSource, Source, SourceColumn } from './source.ts'

/**
 * The LOAD files of a fresh full load, below `<schema>/<table>/` or alone in the folder, read as the landing's are: by the row's CSV
 * settings, and as the lake's types. Throws `invalid-config` where there are none, `bad-landing` for one that cannot be read.
 */
export function filesSource(store: ObjectStore, name: string): OpenSource {
  return async ({ id, config, columns, session }) => {
    const loads = await loadFiles(store, id)
    if (loads.length === 0) throw noFiles(tableName(id), name)
    const { files, damage } = await openLanding(store, session, config, loads)
    const release = async () => {
      for (const file of files) await file.release()
    }
    if (damage !== null) {
      await release()
      throw new DmscdcError(damage.kind, `source ${name}: ${damage.message}`, {
        hint: 'write the full load anew, whole; the table itself is not concerned',
        cause: damage,
      })
    }
    const relation = (wanted: readonly Column[]) =>
      landingSelect({
        files,
        columns: wanted,
        partitionColumns: config.partitionKey,
        beforeImagesOf: [],
        csv: config.csv,
      })
    const printed = (comparison: Comparison) =>
      printedRows(comparison, relation(comparison.columns.map(({ column }) => column)))
    let scans = 0
    const lines = async (sql: string): Promise<readonly string[]> => {
      scans++
      return (await session.rows(sql)).map(({ line }) => String(line))
    }
    const source: Source = {
      name: `${name}, ${String(files.length)} files`,
      keysAtOnce: 100_000,
      columns: async () => columnsOf(files, columns),
      cuts: async () => [],
      digests: (comparison) =>
        lines(`select concat_ws(',', b, count(*), sum(h)) as line from (${printed(comparison)}) group by b`),
      async *prints(comparison, _, buckets) {
        const fields = [
          ...comparison.keys.map((__, at) => hexField(`k${String(at)}`)),
          ...comparison.columns.map((__, at) => `p${String(at)}`),
        ]
        for (let at = 0; at < buckets.length; at += bucketsPerScan) {
          const wanted = list(buckets.slice(at, at + bucketsPerScan).map(String))
          yield await lines(`select ${line(fields)} from (${printed(comparison)}) where b in (${wanted})`)
        }
      },
      async *rows(comparison, keys) {
        const { keys: by, columns: all } = comparison
        const fields = [
          ...by.map((__, at) => hexField(`k${String(at)}`)),
          ...all.map((column) => hexField(textOf(column))),
        ]
        const rows = relation(all.map(({ column }) => column))
        const texts = by.map((key, at) => `${lakeText(key, cellOf(key))} as k${String(at)}`)
        const wanted = await session.writeText('keys.json', keys.map((key) => JSON.stringify({ key })).join('\n'))
        const same = by.map((__, at) => `r.k${String(at)} is not distinct from decode(unhex(w.key[${String(at + 1)}]))`)
        yield await lines(
          `select ${line(fields)} from (select *, ${list(texts)} from (${rows})) as r semi join ${keysIn(wanted)} as w on ${same.join(' and ')}`,
        )
      },
      queries: () => scans,
      close: release,
    }
    return source
  }
}

async function loadFiles(
  store: ObjectStore,
  id: { readonly schema: string; readonly table: string },
): Promise<readonly LandingFile[]> {
  const { loads } = await listTable(store, id)
  if (loads.length > 0) return loads
  return (await listTable(store, id, { prefix: '' })).loads.filter(({ key, name }) => key === name)
}

/** The files are read as the lake's types: a column of another type counts only where every value of it fits. */
function columnsOf(files: readonly OpenedFile[], lake: readonly Column[]): readonly SourceColumn[] {
  const found = new Map<string, SourceColumn>()
  for (const { layout, file } of files)
    for (const { name, role, type, fileType } of layout.columns) {
      if (role !== 'data') continue
      const target = lake.find((column) => column.name === name)?.type ?? null
      const fits = type !== null && target !== null && (file.format !== 'parquet' || isWithin(type, target))
      const known = found.get(name)
      const kind = fits && known?.kind !== null ? kindOf(target) : null
      found.set(name, { name, typeText: fileType.toLowerCase(), kind, ranged: false, finerThanMs: false })
    }
  return [...found.values()]
}

function isWithin(type: LakeType, target: LakeType): boolean {
  const common = commonType(type, target)
  return common !== null && sameType(common, target)
}

const kinds: Readonly<Record<LakeType['kind'], ValueKind>> = {
  boolean: 'boolean',
  byte: 'integer',
  short: 'integer',
  integer: 'integer',
  long: 'integer',
  decimal: 'decimal',
  float: 'real',
  double: 'real',
  string: 'text',
  binary: 'bytes',
  date: 'date',
  timestamp: 'datetime',
}

const kindOf = ({ kind }: LakeType) => kinds[kind]

const bucketsPerScan = 256

const cellOf = ({ column }: ComparedColumn) => `c${String(column.fieldId)}`
const line = (fields: readonly string[]) => `concat_ws(',', ${list(fields)}) as line`
const hexField = (text: string) => `case when ${text} is null then '' else 'x' || hex(${text}) end`
const keysIn = (path: string) =>
  `(select key from read_json(${literal(path)}, format = 'newline_delimited', columns = {key: 'VARCHAR[]'}))`

/** The text from which `lakeValue` makes the value again. */
function textOf(compared: ComparedColumn): string {
  const value = cellOf(compared)
  switch (compared.column.type.kind) {
    case 'timestamp':
      return `epoch_us(${value})::varchar`
    case 'binary':
      return `lower(hex(${value}))`
    case 'boolean':
      return `${value}::integer::varchar`
    case 'float':
      return `${value}::double::varchar`
    default:
      return `${value}::varchar`
  }
}

function noFiles(table: string, name: string): DmscdcError {
  return new DmscdcError('invalid-config', `source ${name} holds no LOAD file of ${table}`, {
    hint: 'name the folder that holds <schema>/<table>/LOAD…, or the LOAD files themselves',
  })
}
