import { describe, expect, it } from 'vitest'
import { DmscdcError } from '../src/errors.ts'
import { digestText } from '../src/state/attribute-text.ts'
import { newRow, readConfig, readMirror } from '../src/state/row.ts'
import type { StateRow } from '../src/state/state-store.ts'
import { config, id, item, onS3, path } from './support/sales-row.ts'

/** The error that reading the row throws, in one line. */
function refusal(row: StateRow): string {
  try {
    config(row)
    readMirror(item(row))
  } catch (thrown) {
    if (thrown instanceof DmscdcError) return `${thrown.kind}: ${thrown.message} | ${thrown.hint}`
    throw thrown
  }
  return 'accepted'
}

describe('a new row', () => {
  it(`is the original's, attribute for attribute`, () => {
    expect(newRow(id, onS3)).toEqual({
      path: 'landing/dms/sales/orders/',
      bucket: 'landing',
      prefix: 'dms/sales/',
      folder: 'orders/',
      PrimaryKey: 'null',
      PartitionKey: 'null',
      LastFullLoadDate: '1900-01-01 00:00:00',
      LastIncrementalFile: 'landing/dms/sales/orders/0.parquet',
      ActiveFlag: 'false',
      out_path: 'lake/curated/sales/',
    })
    expect(newRow(id, { landingPlace: 'landing/', lakePlace: 'lake/' })).toMatchObject({
      bucket: 'landing',
      prefix: 'sales/',
    })
  })

  it('has the absolute path for a bucket on a file system', () => {
    expect(newRow(id, { landingPlace: '/abs/landing/', lakePlace: '/abs/lake/' })).toMatchObject({
      path: '/abs/landing/sales/orders/',
      bucket: '/abs/landing',
      prefix: 'sales/',
      folder: 'orders/',
      LastIncrementalFile: '/abs/landing/sales/orders/0.parquet',
      out_path: '/abs/lake/sales/',
    })
  })

  it('reads as an inactive table without keys, all else at its default', () => {
    expect(config(newRow(id, onS3))).toEqual({
      id,
      active: false,
      primaryKey: null,
      partitionKey: [],
      outPlace: 'lake/curated/sales/orders/',
      publish: [],
      retainMs: null,
      lookBackMs: 86_400_000,
      loadSettleMs: 0,
      landed: { kind: 'keep' },
      landingTimezone: 'UTC',
      keepOp: false,
      beforeImagePrefix: 'BI_',
      sequenceColumn: null,
      rememberDeletesMs: 7 * 86_400_000,
      onVanish: 'warn',
      csv: { columns: null, header: false, nullValue: null, delimiter: ',', rfc4180: true },
    })
    expect(readMirror(item(newRow(id, onS3)))).toEqual({
      version: null,
      lastIncrementalFile: 'landing/dms/sales/orders/0.parquet',
      lastFullLoadDate: '1900-01-01 00:00:00',
      mirroredIncrementalFile: null,
      mirroredFullLoadDate: null,
      digest: null,
      window: null,
      published: [],
      retainedMs: null,
      catalog: null,
    })
  })
})

describe('reading a row', () => {
  it('takes ActiveFlag in any case and as a boolean', () => {
    const cases: [unknown, boolean][] = [
      ['true', true],
      ['True', true],
      ['FALSE', false],
      [true, true],
      [false, false],
      ['', false],
      [null, false],
      [undefined, false],
    ]
    for (const [ActiveFlag, active] of cases) expect(config({ ActiveFlag }).active, String(ActiveFlag)).toBe(active)
  })

  it('takes keys as a comma list, quoted where a name has a comma, or as a list', () => {
    const cases: [unknown, string[] | null][] = [
      ['null', null],
      ['NULL', null],
      ['', null],
      [undefined, null],
      ['id', ['id']],
      [' id , Region ', ['id', 'Region']],
      ['"a,b",c', ['a,b', 'c']],
      ['"say ""x""", f(x', ['say "x"', 'f(x']],
      ['"null"', ['null']],
      [
        ['a', 'b,c'],
        ['a', 'b,c'],
      ],
    ]
    for (const [value, names] of cases) {
      expect(config({ PrimaryKey: value }).primaryKey, String(value)).toEqual(names)
      expect(config({ PartitionKey: value }).partitionKey, String(value)).toEqual(names ?? [])
    }
  })

  it('puts out_path and folder together, whatever the slashes and the scheme', () => {
    const cases: [StateRow, string][] = [
      [{ out_path: 'lake/sales/', folder: 'orders/' }, 'lake/sales/orders/'],
      [{ out_path: 's3://lake/sales', folder: 'orders' }, 'lake/sales/orders/'],
      [{ out_path: 'lake' }, 'lake/orders/'],
      [{ out_path: '/abs/lake/sales/', folder: 'orders/' }, '/abs/lake/sales/orders/'],
      [{ out_path: 'file:///abs/lake' }, '/abs/lake/orders/'],
      [{}, 'lake/curated/orders/'],
    ]
    for (const [row, place] of cases) expect(config(row).outPlace).toBe(place)
  })

  it('takes what is ours', () => {
    const row = {
      Publish: 'delta',
      Retain: '7d',
      LookBack: '1d12h',
      LoadSettle: '30m',
      LandingTimezone: 'Europe/Berlin',
      KeepOp: 'True',
      BeforeImagePrefix: 'OLD_',
      CsvColumns: 'id bigint, "unit, price" decimal(10, 2)',
      CsvHeader: true,
      CsvNullValue: '\\N',
      CsvDelimiter: '\\t',
      Rfc4180: 'false',
      OnVanish: 'warn',
      Landed: 'keep',
      SequenceColumn: 'null',
      SomethingElse: { of: ['an', 'operator'] },
    }
    expect(config(row)).toMatchObject({
      publish: ['delta'],
      retainMs: 7 * 86_400_000,
      lookBackMs: 36 * 3_600_000,
      loadSettleMs: 1_800_000,
      landingTimezone: 'Europe/Berlin',
      keepOp: true,
      beforeImagePrefix: 'OLD_',
      csv: {
        columns: [
          { name: 'id', type: { kind: 'long' } },
          { name: 'unit, price', type: { kind: 'decimal', precision: 10, scale: 2 } },
        ],
        header: true,
        nullValue: '\\N',
        delimiter: '\t',
        rfc4180: false,
      },
    })
    expect(config({ Publish: ['Delta'], LookBack: '45s', LoadSettle: '0' })).toMatchObject({
      publish: ['delta'],
      lookBackMs: 45_000,
      loadSettleMs: 0,
    })
  })

  it('reads how changes are ordered and what becomes of a table whose landing files are gone', () => {
    expect(config({})).toMatchObject({ sequenceColumn: null, rememberDeletesMs: 7 * 86_400_000, onVanish: 'warn' })
    expect(config({ SequenceColumn: 'null', OnVanish: 'Hold' })).toMatchObject({
      sequenceColumn: null,
      onVanish: 'hold',
    })
    const row = { SequenceColumn: ' "AR_H, SEQ" ', RememberDeletes: '1d', OnVanish: 'truncate' }
    expect(config(row)).toMatchObject({
      sequenceColumn: 'AR_H, SEQ',
      rememberDeletesMs: 86_400_000,
      onVanish: 'truncate',
    })
  })

  it('reads what becomes of landing files', () => {
    const landed = (text: string) => config({ Landed: text }).landed
    expect(landed('delete')).toEqual({ kind: 'delete', retainMs: 0 })
    expect(landed('Delete:30d')).toEqual({ kind: 'delete', retainMs: 30 * 86_400_000 })
    expect(landed('archive:_taken')).toEqual({ kind: 'archive', prefix: '_taken/', retainMs: 0 })
    expect(landed('archive:/a/b/:1d12h')).toEqual({ kind: 'archive', prefix: 'a/b/', retainMs: 36 * 3_600_000 })
    expect(landed('archive:a:b')).toEqual({ kind: 'archive', prefix: 'a:b/', retainMs: 0 })
  })

  it('shows what a set of DynamoDB holds where none may stand', () => {
    expect(refusal({ PrimaryKey: new Set(['id']) })).toContain('attribute PrimaryKey is ["id"], expected a comma list')
  })

  it('names the attribute, what it holds, what was expected, and the command that mends it', () => {
    expect(refusal({ PrimaryKey: 'id, ID' })).toBe(
      `invalid-config: state row of sales.orders: attribute PrimaryKey is "id, ID" (names "ID" twice), expected a comma list of distinct columns, or 'null' | dmscdc set sales.orders --primary-key a,b`,
    )
    expect(refusal({ ActiveFlag: 'yes' })).toBe(
      `invalid-config: state row of sales.orders: attribute ActiveFlag is "yes", expected 'true' or 'false' | dmscdc set sales.orders --active`,
    )
    const both = refusal({ ActiveFlag: 1, Retain: 'a week' })
    expect(both).toContain('ActiveFlag is 1')
    expect(both).toContain('Retain is "a week" (is no duration)')
  })

  it('refuses what it cannot carry out, so that nothing is ignored in silence', () => {
    const wrong: StateRow[] = [
      { PrimaryKey: 'a,,b' },
      { PrimaryKey: '"a' },
      { PartitionKey: 5 },
      { PartitionKey: { a: 1 } },
      { Publish: 'delta,iceberg' },
      { Publish: 'hudi' },
      { Retain: '7' },
      { Retain: 7 },
      { LookBack: '-1h' },
      { LandingTimezone: 'Berlin' },
      { KeepOp: 'perhaps' },
      { CsvColumns: 'id' },
      { CsvColumns: 'id geometry' },
      { CsvColumns: 'id bigint, ID string' },
      { CsvDelimiter: '||' },
      { CsvDelimiter: '"' },
      { out_path: 'lake//sales/' },
      { out_path: 'lake/../x' },
      { folder: '../x/' },
      { SequenceColumn: 'a,b' },
      { SequenceColumn: 5 },
      { SequenceColumn: 'p', PartitionKey: 'p' },
      { SequenceColumn: 'id', PrimaryKey: 'k,id' },
      { RememberDeletes: '7' },
      { OnVanish: 'empty' },
      { Landed: 'gone' },
      { Landed: 'keep:1d' },
      { Landed: 'delete:' },
      { Landed: 'delete:30' },
      { Landed: 'delete:taken/' },
      { Landed: 'archive' },
      { Landed: 'archive:' },
      { Landed: 'archive:../x/' },
      { LastFullLoadDate: 'yesterday' },
      { LastIncrementalFile: 5 },
      { Version: -1 },
      { Version: 'x' },
    ]
    for (const row of wrong) {
      const [name] = Object.keys(row)
      expect(refusal(row), JSON.stringify(row)).toMatch(
        new RegExp(`^invalid-config: .*attribute ${name} is .*, expected .+ \\| .+`, 'u'),
      )
    }
    expect(refusal({ Publish: 'iceberg' })).toContain('not supported by this version: iceberg')
    expect(refusal({ SequenceColumn: 'p', PartitionKey: 'p' })).toContain('which PartitionKey names too')
  })

  it('reads what a run mirrored, numbers as text too', () => {
    const row = {
      LastIncrementalFile: 'x/2.parquet',
      LastFullLoadDate: '2024-06-12 10:31:27.123',
      MirroredIncrementalFile: 'x/1.parquet',
      MirroredFullLoadDate: '2024-06-12T10:31:27Z',
      Version: '12',
      Digest: 'abc',
      Published: ['delta'],
      Retained: 86400000,
      CatalogTable: { database: 'sales', table: 'orders', digest: 'abc' },
    }
    expect(readMirror(item(row))).toEqual({
      version: 12,
      lastIncrementalFile: 'x/2.parquet',
      lastFullLoadDate: '2024-06-12 10:31:27.123',
      mirroredIncrementalFile: 'x/1.parquet',
      mirroredFullLoadDate: '2024-06-12T10:31:27Z',
      digest: 'abc',
      window: null,
      published: ['delta'],
      retainedMs: 86400000,
      catalog: { database: 'sales', table: 'orders', digest: 'abc' },
    })
  })

  it('reads what was seen of a window beside the digest, and takes any other text for a digest', () => {
    const window = { after: '20240612-103127367', digest: 'def', untilMs: Date.parse('2024-06-12T10:31:27Z') }
    expect(digestText('abc', window)).toBe('abc def 2024-06-12T10:31:27.000Z 20240612-103127367')
    const seenIn = (Digest: string) => {
      const { digest, window } = readMirror(item({ Digest }))
      return { digest, window }
    }
    expect(seenIn(digestText('abc', window))).toEqual({ digest: 'abc', window })
    expect(seenIn(digestText('abc', null))).toEqual({ digest: 'abc', window: null })
    for (const other of ['abc def', 'abc def never 20240612', 'abc def 2024-06-12T10:31:27Z a b'])
      expect(seenIn(other)).toEqual({ digest: other, window: null })
  })

  it('says of a damaged row why, and quotes an odd name for the shell', () => {
    expect(() => readConfig(item(null), onS3)).toThrow(/sales\.orders: it is not JSON; expected one JSON object/u)
    const odd = { id: { schema: 'my.schema', table: "o'x" }, path, row: { ActiveFlag: 'x' }, damage: null }
    expect(() => readConfig(odd, onS3)).toThrow(
      expect.objectContaining({ hint: `dmscdc set '"my.schema".o'\\''x' --active` }),
    )
  })
})
