import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { fileTime, nextSequence } from '../sample-db/change-batches.ts'
import { firstSequence } from '../sample-db/position.ts'
import type { DmsSettings } from '../sample-db/settings.ts'
import { statements } from '../sample-db/sql-script.ts'
import { countRows, openStandIn, type StandIn, schemaScript } from '../sample-db/standin.ts'
import { startMariadb } from './support/mariadb.ts'

const server = await startMariadb()
const duckdb: DuckDBConnection = await (await DuckDBInstance.create(':memory:')).connect()
afterAll(() => server?.stop())

let target: string
beforeEach(() => {
  target = mkdtempSync(join(tmpdir(), 'dmscdc-standin-'))
})
afterEach(() => rmSync(target, { recursive: true, force: true }))

describe.skipIf(server === null)('the sample database', () => {
  test('has 8 stores, 25 products and 8,425 orders, and its changes are one U and one D, 1,345 I and one I', async () => {
    const dms = standIn({ CdcMinFileSize: 12 }, 'sampledb')
    await dms.init()
    const position = await dms.fullLoad()
    expect(await countRows(source(), ['store', 'product', 'productorder'])).toEqual({
      store: 8,
      product: 25,
      productorder: 8425,
    })
    expect(await loadedRows('sampledb')).toEqual({ store: '8', product: '25', productorder: '8425' })
    expect(await loadedSql('select count(*), count(distinct id), min(id), max(id) from $load')).toEqual([
      ['8425', '8425', '1', '8425'],
    ])
    await dms.change()
    await dms.followUntilCaughtUp(position)
    const changes = (table: string) => `read_parquet('${target}/sampledb/${table}/2*.parquet')`
    expect(await sql(`select Op, count(*) from ${changes('product')} group by 1 order by 1`)).toEqual([
      ['D', '1'],
      ['U', '1'],
    ])
    expect(await sql(`select Op, count(*), min(id), max(id) from ${changes('productorder')} group by 1`)).toEqual([
      ['I', '1345', '8426', '9770'],
    ])
    expect(await sql(`select Op, id, postcode from ${changes('store')}`)).toEqual([['I', '1009', '03801']])
    expect(changeFiles('sampledb/productorder').length).toBeGreaterThan(1)
  }, 60_000)

  test('comes out the same when the mariadb client runs its script', async () => {
    const dms = standIn({}, 'sampledb')
    await dms.init()
    await dms.fullLoad()
    const ours = await sql(`select md5(string_agg(x::varchar, '' order by id)) from '${loads('productorder')}' x`)
    const client = ['--no-defaults', '-uroot', `--socket=${server?.socket}`]
    execFileSync('mariadb', client, { input: readFileSync(schemaScript) })
    await dms.fullLoad()
    expect(await sql(`select md5(string_agg(x::varchar, '' order by id)) from '${loads('productorder')}' x`)).toEqual(
      ours,
    )
  }, 60_000)

  const loads = (table: string) => `${target}/sampledb/${table}/LOAD*.parquet`
  const loadedSql = (query: string) => sql(query.replace('$load', `read_parquet('${loads('productorder')}')`))
})

describe('the recorded files', () => {
  const recorded = join(import.meta.dirname, '../sample-db/recorded')
  test('are the sample database and its changes', async () => {
    const load = (table: string) => `read_parquet('${recorded}/load/sampledb/${table}/LOAD00000001.parquet')`
    const changes = (table: string) => `read_parquet('${recorded}/changes/sampledb/${table}/*.parquet')`
    const count = async (from: string) => (await sql(`select count(*) from ${from}`))[0]?.[0]
    expect(await Promise.all(['store', 'product', 'productorder'].map(load).map(count))).toEqual(['8', '25', '8425'])
    expect(await Promise.all(['store', 'product', 'productorder'].map(changes).map(count))).toEqual(['1', '2', '1345'])
    expect(readdirSync(`${recorded}/changes/sampledb/productorder`).length).toBeGreaterThan(1)
  })
})

describe.skipIf(server === null)('the stand-in', () => {
  test('writes nothing for a transaction that was rolled back, nor for one in another schema', async () => {
    const dms = await withTable('create table t (id int, v varchar(9)) engine=innodb')
    const position = await dms.fullLoad()
    await dms.run('use shop; start transaction; insert into t values (1, "a"); rollback;')
    await dms.run(
      'create database if not exists other; create or replace table other.t (id int); create or replace table other.u like other.t; insert into other.t values (1)',
    )
    await dms.run(
      'use shop; start transaction; insert into t values (2, "b"); savepoint s; insert into t values (3, "c"); rollback to s; commit;',
    )
    await dms.followUntilCaughtUp(position)
    expect(await changed('t', 'Op, id')).toEqual([['I', '2']])
    expect(existsSync(join(target, 'other'))).toBe(false)
  })

  test('writes a changed key as one U with the old key in its before-image, and a delete with all columns', async () => {
    const dms = await withTable('create table t (id int, v varchar(9))', { BeforeImageColumns: ['id'] })
    await dms.run("insert into shop.t values (1, 'a'), (2, 'b')")
    const position = await dms.fullLoad()
    await dms.run(
      "update shop.t set id = 7 where id = 1; delete from shop.t where id = 2; insert into shop.t values (8, 'c')",
    )
    await dms.followUntilCaughtUp(position)
    expect(await changed('t', 'Op, id, v, BI_id')).toEqual([
      ['U', '7', 'a', '1'],
      ['D', '2', 'b', '2'],
      ['I', '8', 'c', null],
    ])
    expect(await columnNames('t')).toEqual(['Op', 'id', 'v', 'BI_id'])
  })

  test('writes before-images of the key, of all but large objects, or of all', async () => {
    for (const [mode, expected] of [
      ['pk-only', ['BI_id']],
      ['non-lob', ['BI_id', 'BI_v']],
      ['all', ['BI_id', 'BI_v', 'BI_doc']],
    ] as const) {
      const dms = await withTable('create table t (id int primary key, v varchar(9), doc text)', { BeforeImage: mode })
      const position = await dms.fullLoad()
      await dms.run("insert into shop.t values (1, 'a', 'x'); update shop.t set v = 'b'")
      await dms.followUntilCaughtUp(position)
      expect((await columnNames('t')).slice(4)).toEqual(expected)
      rmSync(join(target, 'shop'), { recursive: true })
    }
  })

  test('removes the objects of a table that is truncated or dropped, and goes on with what comes after', async () => {
    const dms = await withTable('create table t (id int); create table u (id int); create table w (id int)')
    await dms.run('use shop; insert into t values (1); insert into u values (1); insert into w values (1)')
    let position = await dms.fullLoad()
    await dms.run('use shop; insert into t values (2); truncate table t; drop table if exists u;')
    position = await dms.followUntilCaughtUp(position)
    expect(readdirSync(join(target, 'shop'))).toEqual(['w'])
    await dms.run(
      'use shop; insert into t values (3); create table u (name varchar(5), n bigint unsigned); insert into u values ("é", 18446744073709551615)',
    )
    await dms.followUntilCaughtUp(position)
    expect(await changed('t', 'Op, id')).toEqual([['I', '3']])
    expect(await changed('u', 'Op, name, n')).toEqual([['I', 'é', '18446744073709551615']])
  })

  test('gives an added column to later files only', async () => {
    const dms = await withTable('create table t (id int)')
    const position = await dms.fullLoad()
    await dms.run(
      'insert into shop.t values (1); alter table shop.t add column colour varchar(10) default "red" after id; insert into shop.t values (2, "blue")',
    )
    await dms.followUntilCaughtUp(position)
    const [before, after] = changeFiles('shop/t')
    expect(await sql(`select * from '${before}'`)).toEqual([['I', '1']])
    expect(await sql(`select * from '${after}'`)).toEqual([['I', '2', 'blue']])
  })

  test.each(['NO_LOG', 'FULL'])(
    'follows several table changes that lie behind, with binlog_row_metadata %s',
    async (metadata) => {
      const dms = await withTable('create table t (id int, a int, b varchar(10) character set latin1)')
      onTestFinished(() => dms.run('set global binlog_row_metadata = NO_LOG'))
      const position = await dms.fullLoad()
      await dms.run(`set global binlog_row_metadata = ${metadata}; use shop;
      insert into t values (1, -1, 'é');
      alter table t add column (c decimal(5,2), d int unsigned), add index (a); insert into t values (2, -1, 'é', -1.25, 4294967295);
      alter table t drop column a, modify b varchar(20) character set utf8mb4 first; insert into t values ('€', 3, 1.5, 1);
      alter table t change column d e bigint unsigned after b, rename column c to f; insert into t values ('x', 200, 4, 2);
      rename table t to v; insert into v values ('y', 255, 5, null);
      create table w like v; insert into w select * from v where id = 5; drop table v;`)
      await dms.followUntilCaughtUp(position)
      expect(
        await Promise.all(changeFiles('shop/t').map((file) => sql(`select columns(*)::varchar from '${file}'`))),
      ).toEqual([
        [['I', '1', '-1', 'é']],
        [['I', '2', '-1', 'é', '-1.25', '4294967295']],
        [['I', '€', '3', '1.50', '1']],
        [['I', 'x', '200', '4', '2.00']],
      ])
      expect(await changed('w', '*')).toEqual([['I', 'y', '255', '5', null]])
      expect(existsSync(join(target, 'shop/v'))).toBe(false)
      await dms.run('set global binlog_row_metadata = NO_LOG')
    },
  )

  test('stops at rows whose table it no longer knows rightly, writes what came before, and does not pass them', async () => {
    const dms = await withTable('create table t (id int)', { CdcMinFileSize: 0 })
    const position = await dms.fullLoad()
    await dms.run('use shop; insert into t values (1)')
    await dms.run(
      'use shop; set sql_log_bin = 0; alter table t add column x int; set sql_log_bin = 1; insert into t values (2, 2)',
    )
    await dms.run('use shop; insert into t values (3, 3)')
    await expect(dms.followUntilCaughtUp(position)).rejects.toThrow('shop.t')
    expect(await changed('t', 'id')).toEqual([['1']])
  })

  test('refuses a position that lies after the end of the binlog', async () => {
    const dms = await withTable('create table t (id int)')
    const position = await dms.fullLoad()
    const later = { ...position, binlog: { ...position.binlog, offset: position.binlog.offset + 1 } }
    await expect(dms.followUntilCaughtUp(later)).rejects.toThrow('lies after the end')
  })

  test('neither loses nor doubles what is written during the full load and between its follow-ups', async () => {
    const dms = await withTable('create table t (id int) engine=innodb')
    await dms.run('use shop; insert into t select seq from seq_1_to_20000')
    const inserts = dms.run(
      'use shop; ' + Array.from({ length: 300 }, (_, i) => `insert into t values (${20_001 + i});`).join(' '),
    )
    let position = await dms.fullLoad()
    position = await dms.followUntilCaughtUp(position)
    await inserts
    await dms.run('flush binary logs')
    position = await dms.followUntilCaughtUp(position)
    // The server may still note its checkpoint in the new binlog: the position moves on, and nothing comes of it.
    const written = changeFiles('shop/t')
    await dms.followUntilCaughtUp(position)
    expect(changeFiles('shop/t')).toEqual(written)
    const all = `(select id from '${target}/shop/t/LOAD*.parquet' union all select id from read_parquet(${JSON.stringify(changeFiles('shop/t')).replaceAll('"', "'")}))`
    expect(await sql(`select count(*), count(distinct id), max(id) from ${all}`)).toEqual([['20300', '20300', '20300']])
  })

  test('names change files by the time of their closing, rising and unique, and LOAD files by a hexadecimal count', async () => {
    const dms = await withTable('create table t (id int, v varchar(200))', { CdcMinFileSize: 0, MaxFileSize: 1 })
    await dms.run("use shop; insert into t select seq, repeat('x', 200) from seq_1_to_100")
    const position = await dms.fullLoad()
    expect(readdirSync(join(target, 'shop/t')).slice(-2)).toEqual(['LOAD00000010.parquet', 'LOAD00000011.parquet'])
    await dms.run(
      "use shop; insert into t values (1, 'a'); insert into t values (2, 'b'); insert into t values (3, 'c')",
    )
    await dms.followUntilCaughtUp(position)
    const start = Date.UTC(2024, 5, 12, 10, 31, 27, 367)
    const names = changeFiles('shop/t').map((path) => path.slice(-'20240612-103127367.parquet'.length))
    expect(names).toEqual([0, 1, 2].map((ms) => `${fileTime(start + ms)}.parquet`))
    expect(await changed('t', 'id')).toEqual([['1'], ['2'], ['3']])
    expect(readdirSync(target)).toEqual(['shop'])
  })

  test('adds Op to a full load, the time and the change sequence where they are asked for', async () => {
    const settings = { IncludeOpForFullLoad: true, TimestampColumnName: 'ts', ChangeSequenceColumn: 'AR_H_CHANGE_SEQ' }
    const dms = await withTable('create table t (id int)', settings)
    await dms.run('insert into shop.t values (1)')
    const position = await dms.fullLoad()
    await dms.run('insert into shop.t values (2), (3)')
    await dms.followUntilCaughtUp(position)
    expect(await sql(`select * from '${target}/shop/t/LOAD00000001.parquet'`)).toEqual([
      ['I', '2024-06-12 10:31:27.367000', '1', null],
    ])
    expect(await columnNames('t')).toEqual(['Op', 'ts', 'id', 'AR_H_CHANGE_SEQ'])
    const rows = await changed(
      't',
      'id, length(AR_H_CHANGE_SEQ), AR_H_CHANGE_SEQ > lag(AR_H_CHANGE_SEQ) over (order by id)',
    )
    expect(rows).toEqual([
      ['2', '35', null],
      ['3', '35', 'true'],
    ])
    expect(
      await sql(`select repetition_type from parquet_schema('${changeFiles('shop/t')[0]}') where name = 'ts'`),
    ).toEqual([['REQUIRED']])
  })

  test('puts change files in folders by commit date', async () => {
    const dms = await withTable('create table t (id int) engine=innodb', {
      DatePartitionEnabled: true,
      DatePartitionSequence: 'DDMMYYYY',
      DatePartitionDelimiter: 'DASH',
    })
    const position = await dms.fullLoad()
    await dms.run(
      'set timestamp = 1543323845; insert into shop.t values (1); set timestamp = 1543410245; insert into shop.t values (2)',
    )
    await dms.followUntilCaughtUp(position)
    expect(readdirSync(join(target, 'shop/t'))).toEqual(['27-11-2018', '28-11-2018'])
  })

  test('writes CSV without header, Op first, NULL empty and empty text quoted, gzipped where asked for', async () => {
    const dms = await withTable(
      'create table t (id int, v varchar(30), b varbinary(4), d decimal(6,2), at datetime(3), day date)',
      { DataFormat: 'csv', CompressionType: 'GZIP' },
    )
    await dms.run(
      `insert into shop.t values (1, 'a "b", c', x'00ff', -0.05, '1969-12-31 23:59:59.250', '2018-11-27'), (2, '', null, null, null, null)`,
    )
    const position = await dms.fullLoad()
    await dms.run("update shop.t set v = 'two\nlines' where id = 2")
    await dms.followUntilCaughtUp(position)
    const text = (file: string) => gunzipSync(readFileSync(join(target, 'shop/t', file))).toString()
    const [change = '', load = ''] = readdirSync(join(target, 'shop/t')).sort()
    expect(load).toBe('LOAD00000001.csv.gz')
    expect(text(load)).toBe('1,"a ""b"", c",00ff,-0.05,1969-12-31 23:59:59.250,2018-11-27\n2,"",,,,\n')
    expect(text(change)).toBe('U,2,"two\nlines",,,,\n')
  })
})

describe.skipIf(server === null)('every common type', () => {
  const columns = `ti tinyint, tu tinyint unsigned, si smallint, su smallint unsigned, mi mediumint, mu mediumint unsigned,
    i int, iu int unsigned, b bigint, bu bigint unsigned, d decimal(38,10), m decimal(10,2), big decimal(50,0), f float, g double, da date,
    dt datetime, dt3 datetime(3), dt6 datetime(6), ts timestamp(6) null, tm time(3), y year, c char(5), v varchar(50), l varchar(9) character set latin1,
    tx text, j json, e enum('a,b', 'it''s'), s set('x', 'y'), bo boolean, b1 bit(1), b9 bit(9), bi binary(4), vb varbinary(9), bl blob, u uuid`
  const rows = `(-128, 255, -32768, 65535, -8388608, 16777215, -2147483648, 4294967295, -9223372036854775808, 18446744073709551615,
      -1234567890123456789012345678.0123456789, -0.05, -99999999999999999999999999999999999999999999999999, 0.1, 0.1, '1969-12-31', '1000-01-01 00:00:00',
      '2024-02-29 23:59:59.999', '1969-12-31 23:59:59.999999', '2024-06-12 10:31:27.367999', '-12:34:56.789', 2024, 'ab', 'Crème € 😀', 'é', 'text', '{"k": [1, "é"]}',
      'it''s', 'x,y', true, b'1', b'100000001', x'0a00', x'00ff', x'deadbeef', '123e4567-e89b-12d3-a456-426655440000'),
    (1, 0, 1, 0, 1, 0, 1, 0, 9007199254740993, 9007199254740993, 0.0000000001, 12345678.9, 1, 16777216.5, 1e300, '2018-11-27', '2018-11-27 01:02:03',
      '2018-11-27 01:02:03.004', '2018-11-27 01:02:03.000004', '1970-01-01 00:00:01', '838:59:59', 1901, '', '', '', '', '[]',
      'a,b', '', false, b'0', b'0', x'00000000', '', '', '00000000-0000-0000-0000-000000000000'),
    (${Array(36).fill('null').join(', ')})`

  const written = async (settings: Partial<DmsSettings>, folder: string) => {
    const dms = await withTable(`create table t (${columns})`, settings, folder)
    await dms.run(`set time_zone = '+00:00'; insert into shop.t values ${rows}`)
    const position = await dms.fullLoad()
    await dms.run('insert into shop.t select * from shop.t')
    await dms.followUntilCaughtUp(position)
    const base = join(target, folder, 'shop/t')
    const change = readdirSync(base).find((name) => !name.startsWith('LOAD'))
    return { load: `${base}/LOAD00000001.parquet`, change: `${base}/${change}` }
  }
  const difference = (a: string, b: string) =>
    sql(
      `(select 1, * from (from ${a} except all from ${b})) union all (select 2, * from (from ${b} except all from ${a}))`,
    )
  const typesOf = (from: string) => sql(`select column_name, column_type from (describe from ${from})`)

  test.each(['NO_LOG', 'FULL'])(
    'has the same values and types in the full load and the changes, by both writers (%s)',
    async (metadata) => {
      const admin = standIn({}, 'shop')
      await admin.run(`set global binlog_row_metadata = ${metadata}`)
      onTestFinished(() => admin.run('set global binlog_row_metadata = NO_LOG'))
      const arrow = await written({}, 'arrow')
      const exact = await written({ parquetWriter: 'dms-exact' }, 'exact')
      const gzip = await written({ parquetWriter: 'dms-exact', CompressionType: 'GZIP' }, 'gzip')
      const load = `(from '${arrow.load}')`
      for (const other of [arrow.change, exact.load, exact.change, gzip.load, gzip.change]) {
        const same = `(select ${other.includes('LOAD') ? '*' : '* exclude (Op)'} from '${other}')`
        expect(await typesOf(same)).toEqual(await typesOf(load))
        expect(await difference(load, same)).toEqual([])
      }
      const [row] = await sql(`select columns(*)::varchar from '${arrow.load}' where ti = -128`)
      expect(row).toEqual([
        ...['-128', '255', '-32768', '65535', '-8388608', '16777215', '-2147483648', '4294967295'],
        ...['-9223372036854775808', '18446744073709551615', '-1234567890123456789012345678.0123456789', '-0.05'],
        ...['-99999999999999999999999999999999999999999999999999', '0.1', '0.1', '1969-12-31', '1000-01-01 00:00:00'],
        ...['2024-02-29 23:59:59.999', '1969-12-31 23:59:59.999', '2024-06-12 10:31:27.367', '-12:34:56.789', '2024'],
        ...['ab', 'Crème € 😀', 'é', 'text', '{"k": [1, "é"]}', "it's", 'x,y', '1', 'true', '\\x01\\x01'],
        ...['\\x0A\\x00\\x00\\x00', '\\x00\\xFF', '\\xDE\\xAD\\xBE\\xEF', '123e4567-e89b-12d3-a456-426655440000'],
      ])
    },
  )

  test('has microseconds where milliseconds are not asked for', async () => {
    const { change } = await written({ ParquetTimestampInMillisecond: false }, 'micros')
    expect(await sql(`select dt6::varchar from '${change}' where ti = -128`)).toEqual([['1969-12-31 23:59:59.999999']])
  })

  test('has in a dms-exact file the physical form of a real file of DMS', async () => {
    const { load } = await written({ parquetWriter: 'dms-exact' }, 'exact')
    const form = (name: string) =>
      sql(
        `select type, type_length, repetition_type, converted_type, precision, scale, logical_type is null from parquet_schema('${load}') where name = '${name}'`,
      )
    expect(await form('dt3')).toEqual([['INT64', null, 'OPTIONAL', 'TIMESTAMP_MILLIS', null, null, 'true']])
    expect(await form('d')).toEqual([['FIXED_LEN_BYTE_ARRAY', '16', 'OPTIONAL', 'DECIMAL', '38', '10', 'true']])
    expect(await form('m')).toEqual([['FIXED_LEN_BYTE_ARRAY', '5', 'OPTIONAL', 'DECIMAL', '10', '2', 'true']])
    expect(await form('si')).toEqual([['INT32', null, 'OPTIONAL', 'INT_16', null, null, 'true']])
    expect(await form('b')).toEqual([['INT64', null, 'OPTIONAL', null, null, null, 'true']])
    expect(await form('v')).toEqual([['BYTE_ARRAY', null, 'OPTIONAL', 'UTF8', null, null, 'true']])
    expect(
      await sql(`select ti from '${load}' where bu = 18446744073709551615 and d < -1 and m = -0.05 and b < 0`),
    ).toEqual([['-128']])
  })
})

describe('a script', () => {
  test('is split at its delimiter, not within comments, quotes or a procedure', () => {
    const script = `-- one; two
      select ';', "a;b", \`c;d\`; /* e; */ select 1 -- f;
      ;
delimiter //
create procedure p() begin select 1; # g;
 select 2; end //
delimiter ;
select 3`
    expect(statements(script).map((statement) => statement.replace(/\s+/gu, ' '))).toEqual([
      `select ';', "a;b", \`c;d\``,
      'select 1',
      'create procedure p() begin select 1; select 2; end',
      'select 3',
    ])
  })
})

describe('a change sequence number', () => {
  test('rises also when the clock of the source goes back', () => {
    const first = nextSequence(firstSequence, 2000)
    const second = nextSequence(first, 1000)
    expect(first).toHaveLength(35)
    expect(second > first).toBe(true)
  })
})

function source() {
  if (server === null) throw new Error('no server')
  return { socket: server.socket, user: server.user }
}

/** The clock stands still, so that names show how they are kept apart. */
function standIn(settings: Partial<DmsSettings>, schema: string, folder = ''): StandIn {
  const nowMs = () => Date.UTC(2024, 5, 12, 10, 31, 27, 367)
  return openStandIn({ source: source(), target: join(target, folder), filter: { schema }, settings, nowMs })
}

/** A stand-in over the schema `shop`, which holds just these tables. */
async function withTable(create: string, settings: Partial<DmsSettings> = {}, folder = ''): Promise<StandIn> {
  const dms = standIn(settings, 'shop', folder)
  await dms.run(`drop database if exists shop; create database shop; use shop; ${create}`)
  return dms
}

async function sql(query: string): Promise<(string | null)[][]> {
  const result = await duckdb.runAndReadAll(query)
  return result.getRows().map((row) => row.map((value) => (value === null ? null : String(value))))
}

/** Rows of the table's change files in their order. */
function changed(table: string, columns: string): Promise<(string | null)[][]> {
  const files = changeFiles(`shop/${table}`).map((path) => `'${path}'`)
  return sql(`select ${columns} from read_parquet([${files.join(', ')}], union_by_name = true)`)
}

async function columnNames(table: string): Promise<(string | null)[]> {
  const rows = await sql(`select column_name from (describe from '${changeFiles(`shop/${table}`)[0]}')`)
  return rows.map((row) => row[0] ?? null)
}

function changeFiles(folder: string): string[] {
  const names = readdirSync(join(target, folder)).filter((name) => !name.startsWith('LOAD'))
  return names.sort().map((name) => join(target, folder, name))
}

async function loadedRows(schema: string): Promise<Record<string, string | null | undefined>> {
  const counts: Record<string, string | null | undefined> = {}
  for (const table of readdirSync(join(target, schema))) {
    counts[table] = (await sql(`select count(*) from '${target}/${schema}/${table}/LOAD*.parquet'`))[0]?.[0]
  }
  return counts
}
