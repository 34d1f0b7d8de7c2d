import type * as z from 'zod'
import { type Mirror, type TableConfig, type TableId, tableName } from '../domain.ts'
import { DmscdcError, shellWord } from '../errors.ts'
import { attributeHelp, mirrorShape, settingsShape } from './attributes.ts'
import type { RowChange, StateItem, StateRow } from './state-store.ts'

export const neverLoadedDate = '1900-01-01 00:00:00'

/** A found table's first row: inactive, no key, nothing taken. Attribute for attribute the original's. Places end with a slash. */
export function newRow(id: TableId, places: { readonly landingPlace: string; readonly lakePlace: string }): StateRow {
  const { bucket, prefix } = splitPlace(places.landingPlace)
  const path = `${places.landingPlace}${id.schema}/${id.table}/`
  return {
    path,
    bucket,
    prefix: `${prefix}${id.schema}/`,
    folder: `${id.table}/`,
    PrimaryKey: 'null',
    PartitionKey: 'null',
    LastFullLoadDate: neverLoadedDate,
    LastIncrementalFile: firstCursor(path),
    ActiveFlag: 'false',
    out_path: `${places.lakePlace}${id.schema}/`,
  }
}

/** `LastIncrementalFile` before any change file was taken. `path` is the row's key. */
export function firstCursor(path: string): string {
  return `${path}0.parquet`
}

/** On a file system the landing's absolute path stands for the bucket. */
function splitPlace(place: string): { bucket: string; prefix: string } {
  if (place.startsWith('/')) return { bucket: place.slice(0, -1), prefix: '' }
  const slash = place.indexOf('/')
  return { bucket: place.slice(0, slash), prefix: place.slice(slash + 1) }
}

/**
 * What the operator says in a row. A row without `out_path` has its lake folder right below `lakePlace`, as the original
 * had. Throws `invalid-config` that names each attribute which does not validate.
 */
export function readConfig(item: StateItem, defaults: { readonly lakePlace: string }): TableConfig {
  const said = validated(item, settingsShape)
  refuseSequenceOfFixedColumn(item, said)
  return {
    id: item.id,
    active: said.ActiveFlag,
    primaryKey: said.PrimaryKey,
    partitionKey: said.PartitionKey ?? [],
    outPlace: `${said.out_path ?? defaults.lakePlace}${said.folder ?? `${item.id.table}/`}`,
    publish: said.Publish,
    retainMs: said.Retain,
    lookBackMs: said.LookBack,
    loadSettleMs: said.LoadSettle,
    sequenceColumn: said.SequenceColumn,
    rememberDeletesMs: said.RememberDeletes,
    onVanish: said.OnVanish,
    landed: said.Landed,
    landingTimezone: said.LandingTimezone,
    keepOp: said.KeepOp,
    beforeImagePrefix: said.BeforeImagePrefix,
    csv: {
      columns: said.CsvColumns,
      header: said.CsvHeader,
      nullValue: said.CsvNullValue,
      delimiter: said.CsvDelimiter,
      rfc4180: said.Rfc4180,
    },
  }
}

/**
 * A partition's value is not in the files, and one of the key is the same in all changes of the key but those that change it, where
 * it would compare the old key's row with the new key's value.
 */
function refuseSequenceOfFixedColumn(item: StateItem, said: z.output<typeof settingsShape>): void {
  const { SequenceColumn, PrimaryKey, PartitionKey } = said
  if (SequenceColumn === null) return
  const other = PartitionKey?.includes(SequenceColumn)
    ? 'PartitionKey'
    : PrimaryKey?.includes(SequenceColumn)
      ? 'PrimaryKey'
      : null
  if (other === null) return
  throw new DmscdcError(
    'invalid-config',
    `state row of ${tableName(item.id)}: attribute SequenceColumn is ${JSON.stringify(SequenceColumn)}, which ${other} names too, expected ${attributeHelp.SequenceColumn.expected}`,
    { hint: `dmscdc set ${shellWord(tableName(item.id))} --sequence-column null` },
  )
}

/** What a row repeats of the log. Absent cursors are those of a new row. Throws `invalid-config` as `readConfig` does. */
export function readMirror(item: StateItem): Mirror {
  const mirrored = validated(item, mirrorShape)
  return {
    version: mirrored.Version,
    lastIncrementalFile: mirrored.LastIncrementalFile ?? firstCursor(item.path),
    lastFullLoadDate: mirrored.LastFullLoadDate ?? neverLoadedDate,
    mirroredIncrementalFile: mirrored.MirroredIncrementalFile,
    mirroredFullLoadDate: mirrored.MirroredFullLoadDate,
    digest: mirrored.Digest?.digest ?? null,
    window: mirrored.Digest?.window ?? null,
    published: mirrored.Published,
    retainedMs: mirrored.Retained,
    catalog: mirrored.CatalogTable,
  }
}

/** What `dmscdc set` may say; an empty text takes the setting back to its default. */
export type SetOptions = {
  readonly active?: boolean
  readonly primaryKey?: string
  readonly partitionKey?: string
  readonly publish?: string
  readonly retain?: string
  readonly lookBack?: string
  readonly loadSettle?: string
  readonly sequenceColumn?: string
  readonly rememberDeletes?: string
  readonly onVanish?: string
  readonly landed?: string
  readonly landingTimezone?: string
  readonly keepOp?: boolean
  readonly beforeImagePrefix?: string
  readonly csvColumns?: string
  readonly csvHeader?: boolean
  readonly csvNullValue?: string
  readonly csvDelimiter?: string
  readonly rfc4180?: boolean
}

const attributeOf: Readonly<Record<keyof SetOptions, keyof typeof settingsShape.shape>> = {
  active: 'ActiveFlag',
  primaryKey: 'PrimaryKey',
  partitionKey: 'PartitionKey',
  publish: 'Publish',
  retain: 'Retain',
  lookBack: 'LookBack',
  loadSettle: 'LoadSettle',
  sequenceColumn: 'SequenceColumn',
  rememberDeletes: 'RememberDeletes',
  onVanish: 'OnVanish',
  landed: 'Landed',
  landingTimezone: 'LandingTimezone',
  keepOp: 'KeepOp',
  beforeImagePrefix: 'BeforeImagePrefix',
  csvColumns: 'CsvColumns',
  csvHeader: 'CsvHeader',
  csvNullValue: 'CsvNullValue',
  csvDelimiter: 'CsvDelimiter',
  rfc4180: 'Rfc4180',
}

/** The options among the flags of a command line. */
export function pickSetOptions(flags: SetOptions & Readonly<Record<string, unknown>>): SetOptions {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => Object.hasOwn(attributeOf, name)))
}

/** The edit of a row that options of `set` mean. Only attributes that are named change. Throws `invalid-config` for a value that no run would take. */
export function setAttributes(options: SetOptions): RowChange {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const texts = given.map(([option, value]) => [attributeOf[option as keyof SetOptions], String(value)] as const)
  const isKey = (attribute: string) => attribute === 'PrimaryKey' || attribute === 'PartitionKey'
  const kept = texts.filter(([attribute, text]) => text !== '' || isKey(attribute))
  const set = Object.fromEntries(kept.map(([attribute, text]) => [attribute, text === '' ? 'null' : text]))
  const checked = settingsShape.safeParse(set)
  if (!checked.success) throw invalid('option of set', 'S.T', set, checked.error)
  return {
    set,
    remove: texts.filter(([attribute, text]) => text === '' && !isKey(attribute)).map(([attribute]) => attribute),
  }
}

function validated<Shape extends z.ZodObject>(item: StateItem, shape: Shape): z.output<Shape> {
  const name = tableName(item.id)
  if (item.row === null) {
    throw new DmscdcError(
      'invalid-config',
      `state row of ${name}: ${item.damage ?? 'cannot be read'}; expected one JSON object`,
      {
        hint: 'mend the row by hand, or delete it: the next run registers the table again, inactive',
      },
    )
  }
  const known = Object.keys(shape.shape).map((attribute) => [attribute, item.row?.[attribute]] as const)
  const given = Object.fromEntries(known.filter(([, value]) => value !== undefined && value !== null && value !== ''))
  const checked = shape.safeParse(given)
  if (!checked.success) throw invalid(`state row of ${name}`, name, given, checked.error)
  return checked.data
}

/** The values of these attributes are configuration, so they may stand in the message. */
function invalid(subject: string, name: string, given: StateRow, error: z.ZodError): DmscdcError {
  const wrong = [...new Map(error.issues.map((issue) => [String(issue.path[0]) as keyof typeof attributeHelp, issue]))]
  const found = wrong.map(([attribute, issue]) => {
    const problem = issue.code === 'custom' || issue.code === 'too_big' ? ` (${issue.message})` : ''
    return `attribute ${attribute} is ${shown(given[attribute])}${problem}, expected ${attributeHelp[attribute].expected}`
  })
  const first = wrong[0]?.[0] as keyof typeof attributeHelp
  const option = attributeHelp[first].option
  return new DmscdcError('invalid-config', `${subject}: ${found.join('; ')}`, {
    hint:
      option === null
        ? `correct or remove the attribute ${first} in the row by hand`
        : `dmscdc set ${shellWord(name)} ${option}`,
  })
}

function shown(value: unknown): string {
  // A set of DynamoDB would be shown as {}.
  const text = JSON.stringify(value, (_, part: unknown) => (part instanceof Set ? [...part] : part))
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
