import { describe, expect, it } from 'vitest'
import { parseCsvColumns, parseLakeType } from '../src/state/csv-columns.ts'
import { newRow, setAttributes } from '../src/state/row.ts'
import { config, id, onS3 } from './support/sales-row.ts'

describe('declared CSV columns', () => {
  it('take type names of SQL, Hive and Delta', () => {
    const cases: [string, string][] = [
      ['BIGINT', 'long'],
      ['long', 'long'],
      ['int', 'integer'],
      ['INTEGER', 'integer'],
      ['smallint', 'short'],
      ['tinyint', 'byte'],
      ['varchar(255)', 'string'],
      ['text', 'string'],
      ['double precision', 'double'],
      ['real', 'float'],
      ['bool', 'boolean'],
      ['bytea', 'binary'],
      ['date', 'date'],
      ['timestamp', 'timestamp'],
      ['timestamp with time zone', 'timestamp'],
      ['datetime', 'timestamp'],
    ]
    for (const [text, kind] of cases) expect(parseLakeType(text), text).toEqual({ kind })
    expect(parseLakeType('numeric(38, 10)')).toEqual({ kind: 'decimal', precision: 38, scale: 10 })
    expect(parseLakeType('decimal')).toEqual({ kind: 'decimal', precision: 10, scale: 0 })
    for (const text of ['decimal(39,0)', 'decimal(5,6)', 'int8', 'geometry', ''])
      expect(parseLakeType(text), text).toBe(null)
  })

  it('may stand in a list', () => {
    expect(config({ CsvColumns: ['id bigint', '"a b" string'] }).csv.columns).toEqual([
      { name: 'id', type: { kind: 'long' } },
      { name: 'a b', type: { kind: 'string' } },
    ])
    expect(parseCsvColumns('a "int')).toHaveProperty('problem')
  })
})

describe('setting attributes', () => {
  it('writes what was said as text, and nothing else', () => {
    expect(setAttributes({ active: true, primaryKey: 'id,"a,b"', retain: '7d', keepOp: false })).toEqual({
      set: { ActiveFlag: 'true', PrimaryKey: 'id,"a,b"', Retain: '7d', KeepOp: 'false' },
      remove: [],
    })
  })

  it('takes an empty text as the way back to the default', () => {
    expect(setAttributes({ primaryKey: '', partitionKey: '', publish: '', csvColumns: '' })).toEqual({
      set: { PrimaryKey: 'null', PartitionKey: 'null' },
      remove: ['Publish', 'CsvColumns'],
    })
  })

  it('refuses what no run would take', () => {
    expect(() => setAttributes({ active: true, lookBack: 'a day' })).toThrow(
      /LookBack is "a day" \(is no duration\), expected a duration/u,
    )
    expect(() => setAttributes({ publish: 'iceberg' })).toThrow(/not supported by this version: iceberg/u)
  })

  it('makes a row that reads as it was set', () => {
    const { set } = setAttributes({
      active: true,
      primaryKey: 'id',
      publish: 'delta',
      csvDelimiter: '\\t',
      csvHeader: true,
    })
    expect(config({ ...newRow(id, onS3), ...set })).toMatchObject({
      active: true,
      primaryKey: ['id'],
      publish: ['delta'],
      csv: { delimiter: '\t', header: true },
    })
  })
})
