import type { CsvConfig, LandingFile, TableConfig } from '../domain.ts'
import type { CsvFrame } from '../engine/csv-frame.ts'
import type { EngineSession } from '../engine/engine.ts'
import { duckdbType, list, listLiteral, literal } from '../engine/sql.ts'
import { DmscdcError } from '../errors.ts'
import { typeText } from '../lake-types.ts'
import { limits } from '../limits.ts'
import { asDamage, damagedLanding, vanishedLanding } from './landing-errors.ts'
import { type LandingLayout, layoutOf, type NamedType, operationColumn } from './layout.ts'

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
): Promise<{ readonly layout: LandingLayout; readonly csv: CsvLines }> {
  const { csv } = config
  const frame = await frameOf(session, csv, file, path)
  const { fields } = frame
  const scan = readCsv(path, csv, file, { ...frame, header: false }, positions(fields))
  const first = await firstLine(session, file, fields, scan)
  const header = csv.header || isHeader(first, csv)
  const names = header
    ? first
    : headerlessNames(config, file, fields, await operationsLead(session, file, fields, scan))
  const declared = new Map(csv.columns?.map(({ name, type }) => [name, declaredType(typeText(type), duckdbType(type))]))
  const columns = names.map((name): NamedType => ({ name, fileType: declared.get(name) ?? 'VARCHAR' }))
  return { csv: { ...frame, header }, layout: layoutOf(columns, config.beforeImagePrefix) }
}

/** The lines of a CSV file. `header`: the first is no row. */
export type CsvLines = CsvFrame & { readonly header: boolean }

/** The scan of one CSV file as text, columns named by position, with `pos`: the row's place in the file. */
export function readCsv(
  path: string,
  csv: CsvConfig,
  file: LandingFile,
  lines: CsvLines,
  columnNames: readonly string[],
) {
  const columns = list(columnNames.map((name) => `${literal(name)}: 'VARCHAR'`))
  const nulls = csv.nullValue === null ? [''] : ['', csv.nullValue]
  const options = [
    'auto_detect = false',
    `header = ${String(lines.header)}`,
    `columns = {${columns}}`,
    `delim = ${literal(csv.delimiter)}`,
    `quote = ${literal(csv.rfc4180 ? '"' : '')}`,
    `escape = ${literal(csv.rfc4180 ? '"' : '')}`,
    // Else a quoted text that holds the other line ending cannot be read.
    `new_line = ${lines.newLine === '\n' ? "'\\n'" : "'\\r\\n'"}`,
    `max_line_size = ${String(limits.csvLineBytes)}`,
    `buffer_size = ${String(limits.csvLineBytes)}`,
    `nullstr = ${listLiteral(nulls.map(literal))}`,
    'allow_quoted_nulls = false',
    'parallel = false',
    `compression = ${literal(file.format === 'csv.gz' ? 'gzip' : 'none')}`,
  ]
  return `(select *, row_number() over () - 1 as pos from read_csv(${literal(path)}, ${list(options)}))`
}

/** Throws `bad-landing` where the file cannot be unpacked, ends within quotes, or has more columns than a table may have. */
async function frameOf(session: EngineSession, csv: CsvConfig, file: LandingFile, path: string): Promise<CsvFrame> {
  const gzip = file.format === 'csv.gz'
  const request = { path, gzip, delimiter: csv.delimiter, quotes: csv.rfc4180 }
  const frame = await session.frameCsv(request).catch((cause: unknown) => {
    if (gzip) throw damagedLanding(file, 'it is no whole gzip', cause)
    throw (cause as NodeJS.ErrnoException).code === 'ENOENT' ? vanishedLanding(file) : cause
  })
  if (frame.openQuote) throw damagedLanding(file, 'it ends within a quoted field')
  if (frame.fields > limits.columns)
    throw damagedLanding(
      file,
      `it has ${String(frame.fields)} columns, expected at most ${String(limits.columns)} with delimiter ${literal(csv.delimiter)}`,
    )
  return frame
}

async function firstLine(session: EngineSession, file: LandingFile, fields: number, scan: string) {
  const names = positions(fields)
  const rows = await session
    .rows(`select ${list(names)} from ${scan} limit 1`)
    .catch(asDamage(file, unreadable(fields)))
  return names.map((name) => String(rows[0]?.[name] ?? ''))
}

export const unreadable = (fields: number) =>
  `its lines are not all UTF-8 with ${String(fields)} fields as the first has, of at most ${String(limits.csvLineBytes)} bytes`

const positions = (fields: number) => Array.from({ length: fields }, (_, at) => `r${String(at)}`)

function isHeader(first: readonly string[], csv: CsvConfig): boolean {
  if (csv.columns === null) return false
  const names = first[0] === operationColumn ? first.slice(1) : first
  const declared = csv.columns.map(({ name }) => name).filter((name) => name !== operationColumn)
  return names.length === declared.length && names.every((name, at) => name === declared[at])
}

/** How many lines begin with I, U or D. */
async function operationsLead(session: EngineSession, file: LandingFile, fields: number, scan: string): Promise<Lead> {
  const query = `select count(*) as lines, count(*) filter (r0 in ('I', 'U', 'D')) as operations from ${scan}`
  const rows = await session.rows(query).catch(asDamage(file, unreadable(fields)))
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

/** The name under which `lakeTypeOf` finds the declared type again. */
function declaredType(lakeName: string, engineName: string): string {
  const names: Readonly<Record<string, string>> = { string: 'VARCHAR', binary: 'BLOB', timestamp: 'TIMESTAMP' }
  return names[lakeName] ?? engineName.toUpperCase()
}
