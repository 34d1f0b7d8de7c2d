import * as z from 'zod'
import { limits } from '../limits.ts'
import {
  distinct,
  type Parsed,
  parseDelimiter,
  parseDigest,
  parseDuration,
  parseFolder,
  parseLanded,
  parseNames,
  parseOnVanish,
  parsePlace,
  parseSequenceColumn,
  parseTimezone,
  parseViews,
} from './attribute-text.ts'
import { parseColumnList, parseCsvColumns } from './csv-columns.ts'

/** First of all: the work on a text grows with its length, sometimes faster. */
const shortText = z.string().max(limits.settingLength, tooLong(limits.settingLength))
const columnText = z.string().max(limits.columnListLength, tooLong(limits.columnListLength))
const columnList = z.union([columnText, z.array(columnText).max(limits.columns)])
const textOrList = z.union([shortText, z.array(shortText).max(limits.columns)])
const flag = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })])
const names = parsed(columnList, (value) => (typeof value === 'string' ? parseNames(value) : distinct(value)))
const duration = parsed(z.union([shortText, z.literal(0)]), (value) => parseDuration(String(value)))
const csvColumns = parsed(columnList, (value) =>
  typeof value === 'string' ? parseCsvColumns(value) : parseColumnList(value),
)
const views = parsed(textOrList, parseViews)
const count = z.union([z.number(), z.string().regex(/^\d+$/u).transform(Number)]).pipe(z.number().int().nonnegative())
const moment = z.string().regex(/^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$/u)

/** What an operator writes in a row. An attribute that is absent, NULL or an empty text takes its default. */
export const settingsShape = z.object({
  ActiveFlag: flag.default(false),
  PrimaryKey: orNull(names),
  PartitionKey: orNull(names),
  out_path: orNull(parsed(shortText, parsePlace)),
  folder: orNull(parsed(shortText, parseFolder)),
  Publish: views.default([]),
  Retain: orNull(duration),
  LookBack: duration.default(24 * 3_600_000),
  LoadSettle: duration.default(0),
  LandingTimezone: parsed(shortText, parseTimezone).default('UTC'),
  KeepOp: flag.default(false),
  BeforeImagePrefix: shortText.default('BI_'),
  CsvColumns: orNull(csvColumns),
  CsvHeader: flag.default(false),
  CsvNullValue: orNull(shortText),
  CsvDelimiter: parsed(shortText, parseDelimiter).default(','),
  Rfc4180: flag.default(true),
  SequenceColumn: orNull(parsed(shortText, parseSequenceColumn)),
  RememberDeletes: duration.default(7 * 24 * 3_600_000),
  OnVanish: parsed(shortText, parseOnVanish).default('warn'),
  Landed: parsed(shortText, parseLanded).default({ kind: 'keep' }),
})

/** What a run repeats in the row. */
export const mirrorShape = z.object({
  LastIncrementalFile: orNull(shortText),
  LastFullLoadDate: orNull(moment),
  MirroredIncrementalFile: orNull(shortText),
  MirroredFullLoadDate: orNull(moment),
  Version: orNull(count),
  Digest: orNull(shortText.transform(parseDigest)),
  Published: views.default([]),
  Retained: orNull(count),
  CatalogTable: orNull(z.object({ database: z.string(), table: z.string(), digest: z.string().nullable() })),
})

type Attribute = keyof typeof settingsShape.shape | keyof typeof mirrorShape.shape

const flagText = `'true' or 'false'`
const durationText = 'a duration as 7d, 12h, 30m or 45s'
const namesText = `a comma list of distinct columns, or 'null'`
const runsOwn = 'the text that a run wrote'

/** For messages: what each attribute expects, and the option of `dmscdc set` that mends it (null: by hand). */
export const attributeHelp: Readonly<Record<Attribute, { readonly expected: string; readonly option: string | null }>> =
  {
    ActiveFlag: { expected: flagText, option: '--active' },
    PrimaryKey: { expected: namesText, option: '--primary-key a,b' },
    PartitionKey: { expected: namesText, option: '--partition-key a' },
    out_path: { expected: 'the place above the lake folder of the table, as lake-bucket/prefix/schema/', option: null },
    folder: { expected: 'the name of the table and a slash', option: null },
    Publish: { expected: `a comma list of 'delta', 'manifest' and 'glue'`, option: '--publish delta' },
    Retain: { expected: durationText, option: '--retain 7d' },
    LookBack: { expected: durationText, option: '--look-back 24h' },
    LoadSettle: { expected: durationText, option: '--load-settle 30m' },
    LandingTimezone: { expected: 'the IANA name of a time zone, as Europe/Berlin', option: '--landing-timezone UTC' },
    KeepOp: { expected: flagText, option: '--keep-op' },
    BeforeImagePrefix: {
      expected: 'the text with which the names of before-image columns begin',
      option: '--before-image-prefix BI_',
    },
    CsvColumns: {
      expected: 'a comma list of distinct names with types, as id bigint, price decimal(10,2)',
      option: `--csv-columns 'id bigint, name string'`,
    },
    CsvHeader: { expected: flagText, option: '--csv-header' },
    CsvNullValue: { expected: 'the text that means NULL', option: '--csv-null-value NULL' },
    CsvDelimiter: { expected: 'one character, \\t for a tab, or its code as \\u0001', option: `--csv-delimiter ','` },
    Rfc4180: { expected: flagText, option: '--rfc4180' },
    SequenceColumn: {
      expected: `one column that is neither in PrimaryKey nor in PartitionKey, or 'null'`,
      option: '--sequence-column AR_H_CHANGE_SEQ',
    },
    RememberDeletes: { expected: durationText, option: '--remember-deletes 7d' },
    OnVanish: { expected: `'warn', 'hold' or 'truncate'`, option: '--on-vanish warn' },
    Landed: {
      expected: `'keep', 'delete' or 'archive:<folder of the landing>', the last two perhaps with a time, as delete:30d`,
      option: '--landed archive:_taken/:30d',
    },
    LastIncrementalFile: { expected: 'the path of a landing file', option: null },
    LastFullLoadDate: { expected: 'a UTC time as 2024-06-12 10:31:27', option: null },
    MirroredIncrementalFile: { expected: runsOwn, option: null },
    MirroredFullLoadDate: { expected: runsOwn, option: null },
    Version: { expected: 'the number that a run wrote', option: null },
    Digest: { expected: runsOwn, option: null },
    Published: { expected: 'the list that a run wrote', option: null },
    Retained: { expected: 'the number that a run wrote', option: null },
    CatalogTable: { expected: 'what a run wrote', option: null },
  }

function tooLong(length: number) {
  return `has more than ${String(length)} characters`
}

function orNull<T extends z.ZodType>(shape: T) {
  return shape.optional().transform((value) => value ?? null)
}

/** The problem that `parse` finds becomes the issue's message, told from zod's own by its code. */
function parsed<Input, Output>(shape: z.ZodType<Input>, parse: (value: Input) => Parsed<Output>) {
  return shape.transform((value, context): Output => {
    const result = parse(value)
    if ('value' in result) return result.value
    context.addIssue({ code: 'custom', message: result.problem })
    return z.NEVER
  })
}
