import * as z from 'zod'
import {
  distinct,
  type Parsed,
  parseDelimiter,
  parseDuration,
  parseFolder,
  parseLanded,
  parseNames,
  parsePlace,
  parseTimezone,
  parseViews,
} from './attribute-text.ts'
import { parseColumnList, parseCsvColumns } from './csv-columns.ts'

const textOrList = z.union([z.string(), z.array(z.string())])
const flag = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'] })])
const names = parsed(textOrList, (value) => (typeof value === 'string' ? parseNames(value) : distinct(value)))
const duration = parsed(z.union([z.string(), z.literal(0)]), (value) => parseDuration(String(value)))
const csvColumns = parsed(textOrList, (value) =>
  typeof value === 'string' ? parseCsvColumns(value) : parseColumnList(value),
)
const views = parsed(textOrList, parseViews)
const none = z.string().regex(/^null$/iu)
const count = z.union([z.number(), z.string().regex(/^\d+$/u).transform(Number)]).pipe(z.number().int().nonnegative())
const moment = z.string().regex(/^\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?$/u)

/** What an operator writes in a row. An attribute that is absent, NULL or an empty text takes its default. */
export const settingsShape = z.object({
  ActiveFlag: flag.default(false),
  PrimaryKey: orNull(names),
  PartitionKey: orNull(names),
  out_path: orNull(parsed(z.string(), parsePlace)),
  folder: orNull(parsed(z.string(), parseFolder)),
  Publish: views.default([]),
  Retain: orNull(duration),
  LookBack: duration.default(24 * 3_600_000),
  LoadSettle: duration.default(0),
  LandingTimezone: parsed(z.string(), parseTimezone).default('UTC'),
  KeepOp: flag.default(false),
  BeforeImagePrefix: z.string().default('BI_'),
  CsvColumns: orNull(csvColumns),
  CsvHeader: flag.default(false),
  CsvNullValue: orNull(z.string()),
  CsvDelimiter: parsed(z.string(), parseDelimiter).default(','),
  Rfc4180: flag.default(true),
  SequenceColumn: none.optional(),
  OnVanish: z.literal('warn').optional(),
  Landed: parsed(z.string(), parseLanded).default({ kind: 'keep' }),
})

/** What a run repeats in the row. */
export const mirrorShape = z.object({
  LastIncrementalFile: orNull(z.string()),
  LastFullLoadDate: orNull(moment),
  MirroredIncrementalFile: orNull(z.string()),
  MirroredFullLoadDate: orNull(moment),
  Version: orNull(count),
  Digest: orNull(z.string()),
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
    CsvDelimiter: { expected: 'one character, or \\t for a tab', option: `--csv-delimiter ','` },
    Rfc4180: { expected: flagText, option: '--rfc4180' },
    SequenceColumn: { expected: 'no such attribute: not supported by this version', option: null },
    OnVanish: { expected: `'warn', others are not supported by this version`, option: null },
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
