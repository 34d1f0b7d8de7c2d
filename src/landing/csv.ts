import type { CsvConfig, LakeType, LandingFile, TableConfig } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { duckdbType, list, listLiteral, literal } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { typeText } from '../lake-types.ts'
import { limits } from '../limits.ts'
import { asDamage, damagedLanding } from './landing-errors.ts'
import { asLakeValue, type LandingLayout, layoutOf, type NamedType, operationColumn } from './layout.ts'

/**
 * What the columns of a CSV file are. A header is taken with `CsvHeader`, or where the first line equals the declared
 * names; else the names are the declared ones in their order, or `col0`, `col1`, … An operation column is told by its
 * values: DMS writes it first, I, U or D in every line.
 */
export async function csvLayout(
  session: EngineSession,
  config: TableConfig,
  file: LandingFile,
  path: string,
): Promise<{ readonly layout: LandingLayout; readonly header: boolean }> {
  const { csv } = config
  const fields = await countFields(session, csv, file, path)
  const first = await firstLine(session, csv, file, path, fields)
  const header = csv.header || isHeader(first, csv)
  const names = header
    ? first
    : headerlessNames(config, file, fields, await operationsLead(session, csv, path, fields, file))
  const declared = new Map(csv.columns?.map(({ name, type }) => [name, declaredType(typeText(type), duckdbType(type))]))
  const columns = names.map((name): NamedType => ({ name, fileType: declared.get(name) ?? 'VARCHAR' }))
  return { header, layout: layoutOf(columns, config.beforeImagePrefix) }
}

/** The scan of one CSV file as text, columns named by position, with `pos`: the row's place in the file. */
export function readCsv(
  path: string,
  csv: CsvConfig,
  file: LandingFile,
  header: boolean,
  columnNames: readonly string[],
) {
  const columns = list(columnNames.map((name) => `${literal(name)}: 'VARCHAR'`))
  const nulls = csv.nullValue === null ? [''] : ['', csv.nullValue]
  const options = [
    'auto_detect = false',
    `header = ${String(header)}`,
    `columns = {${columns}}`,
    ...dialect(csv),
    `nullstr = ${listLiteral(nulls.map(literal))}`,
    'allow_quoted_nulls = false',
    'parallel = false',
    `compression = ${literal(file.format === 'csv.gz' ? 'gzip' : 'none')}`,
  ]
  return `(select *, row_number() over () - 1 as pos from read_csv(${literal(path)}, ${list(options)}))`
}

function dialect(csv: CsvConfig): string[] {
  const quoteEscape = csv.rfc4180 ? '"' : ''
  const bytes = `max_line_size = ${String(limits.csvLineBytes)}, buffer_size = ${String(limits.csvLineBytes)}`
  return [`delim = ${literal(csv.delimiter)}`, `quote = '"'`, `escape = ${literal(quoteEscape)}`, bytes]
}

async function countFields(session: EngineSession, csv: CsvConfig, file: LandingFile, path: string): Promise<number> {
  const compression = `compression = ${literal(file.format === 'csv.gz' ? 'gzip' : 'none')}`
  const sniff = `sniff_csv(${literal(path)}, header = false, ${list(dialect(csv))}, ${compression})`
  const form = `delimiter ${literal(csv.delimiter)}, lines of equal fields and at most ${String(limits.csvLineBytes)} bytes`
  const rows = await session
    .rows(`select len(Columns) as fields from ${sniff}`)
    .catch(asDamage(file, `it is no CSV in UTF-8 with ${form}`))
  const fields = Number(rows[0]?.fields ?? 0)
  if (fields <= limits.columns) return fields
  throw damagedLanding(file, `it has ${String(fields)} columns, expected at most ${String(limits.columns)}`)
}

async function firstLine(session: EngineSession, csv: CsvConfig, file: LandingFile, path: string, fields: number) {
  const names = positions(fields)
  const scan = readCsv(path, csv, file, false, names)
  const rows = await session
    .rows(`select ${list(names)} from ${scan} limit 1`)
    .catch(asDamage(file, unequalFields(fields)))
  return names.map((name) => String(rows[0]?.[name] ?? ''))
}

const unequalFields = (fields: number) => `its lines have not all ${String(fields)} fields as the first has`
const positions = (fields: number) => Array.from({ length: fields }, (_, at) => `r${String(at)}`)

function isHeader(first: readonly string[], csv: CsvConfig): boolean {
  if (csv.columns === null) return false
  const names = first[0] === operationColumn ? first.slice(1) : first
  const declared = csv.columns.map(({ name }) => name).filter((name) => name !== operationColumn)
  return names.length === declared.length && names.every((name, at) => name === declared[at])
}

/** How many lines begin with I, U or D. */
async function operationsLead(
  session: EngineSession,
  csv: CsvConfig,
  path: string,
  fields: number,
  file: LandingFile,
): Promise<Lead> {
  const scan = readCsv(path, csv, file, false, positions(fields))
  const query = `select count(*) as lines, count(*) filter (r0 in ('I', 'U', 'D')) as operations from ${scan}`
  const rows = await session.rows(query).catch(asDamage(file, unequalFields(fields)))
  const [lines, operations] = [Number(rows[0]?.lines), Number(rows[0]?.operations)]
  return operations === 0 ? 'none' : operations === lines ? 'all' : 'some'
}

type Lead = 'all' | 'some' | 'none'

function headerlessNames(config: TableConfig, file: LandingFile, fields: number, lead: Lead): string[] {
  const declared = config.csv.columns?.map(({ name }) => name).filter((name) => name !== operationColumn) ?? null
  if (declared === null) return undeclaredNames(file, fields, lead === 'all')
  const withOperation =
    file.kind === 'change'
      ? changeHasOperation(fields, declared.length, lead)
      : lead === 'all' && fields > declared.length
  const data = fields - (withOperation ? 1 : 0)
  if (data > declared.length)
    throw damagedLanding(file, `it has ${String(data)} columns, CsvColumns declares ${String(declared.length)}`)
  const names = declared.slice(0, data)
  return withOperation ? [operationColumn, ...names] : names
}

/**
 * A change file has its operation first, unless DMS was told to write inserts only. Where some lines have one, a line
 * with another letter is a bad operation (which holds the table), not a sign that all fields are the source's own:
 * only with exactly the declared columns may a first field be I by chance.
 */
function changeHasOperation(fields: number, declared: number, lead: Lead): boolean {
  return lead === 'all' || fields === declared + 1 || (lead === 'some' && fields < declared)
}

function undeclaredNames(file: LandingFile, fields: number, operationsLead: boolean): string[] {
  if (file.kind === 'load' && operationsLead)
    throw new DmscdcError(
      'invalid-config',
      `read landing file ${file.key}: its first column may be DMS's operation or the source's own`,
      { hint: `name the columns: dmscdc set <table> --csv-columns 'id bigint, name string'` },
    )
  const withOperation = file.kind === 'change'
  const names = positions(fields - (withOperation ? 1 : 0)).map((_, at) => `col${String(at)}`)
  return withOperation ? [operationColumn, ...names] : names
}

/**
 * The condition that a field's text is no value of its declared type. The engine's casts round fractions and drop a
 * date's time without a word, and two keys that round to one would cost a row: what would be lost counts as no value.
 */
export function isNoValueOf(text: string, fileType: string, type: LakeType): string {
  const cast = `try_cast(${asLakeValue(text, fileType)} as ${duckdbType(type)})`
  return `${text} is not null and (${[`${cast} is null`, ...losses(text, cast, type)].join(' or ')})`
}

function losses(text: string, cast: string, type: LakeType): string[] {
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return exceedsScale(text, cast, 0)
    case 'decimal':
      return exceedsScale(text, cast, type.scale)
    case 'date':
      return [`try_cast(${text} as timestamp) is distinct from ${cast}::timestamp`]
    default:
      return []
  }
}

function exceedsScale(text: string, cast: string, scale: number): string[] {
  const digits = `regexp_matches(${text}, ${literal(`[.][0-9]{${String(scale)}}[0-9]*[1-9]`)})`
  const power = `regexp_matches(${text}, '[eE]')`
  return [
    `(${digits} and not ${power})`,
    `(${power} and try_cast(${text} as double) is distinct from try_cast(${cast} as double))`,
  ]
}

/** The name under which `lakeTypeOf` finds the declared type again. */
function declaredType(lakeName: string, engineName: string): string {
  const names: Readonly<Record<string, string>> = { string: 'VARCHAR', binary: 'BLOB', timestamp: 'TIMESTAMP' }
  return names[lakeName] ?? engineName.toUpperCase()
}
