import { describe, expect } from 'vitest'
import { duckdbEngine } from '../src/engine/duckdb-engine.ts'
import { engineError, scratchError } from '../src/engine/duckdb-errors.ts'
import type { EngineSession } from '../src/engine/engine.ts'
import { literal } from '../src/engine/sql.ts'
import { test } from './support/lab-test.ts'

const noIds = new Map<string, number>()
const encodeRequest = (select: string) => ({ select, fieldIds: noIds, rowGroupRows: 2_048 })
const numbersBelow = (end: number) => `create table numbers as select range as n from range(${String(end)})`

async function rowsIn(session: EngineSession, path: string | undefined): Promise<number> {
  const [row] = await session.rows(`select count(*)::integer as n from read_parquet(${literal(path ?? '')})`)
  return Number(row?.n)
}

describe('a session of the engine', () => {
  test('reads nothing outside of its folders, loads no extension, speaks UTC, and no statement changes that', async ({
    lab,
  }) => {
    const session = await (await lab.ports.engine()).openSession()
    const refused = (sql: string) => expect(session.rows(sql), sql).rejects.toThrow('engine: ')
    await refused(`select * from read_text('${process.execPath}')`)
    await refused(`copy (select 1) to '/tmp/of-nobody.parquet'`)
    await refused('install httpfs')
    await refused('load httpfs')
    await refused('set enable_external_access = true')
    await refused('set threads = 1')
    const setting = (name: string) => `current_setting('${name}')`
    const [found] = await session.rows(
      `select ${setting('TimeZone')} as zone, ${setting('autoload_known_extensions')} as autoload, ${setting('temp_directory')} as spill`,
    )
    expect(found).toEqual({ zone: 'UTC', autoload: false, spill: expect.stringContaining(lab.folder) })
    await session.close()
  })

  test('writes several files at once of tables that it made, and answers in the order of the requests', async ({
    lab,
  }) => {
    const session = await (await lab.ports.engine()).openSession()
    await session.run(numbersBelow(10_000))
    const shares = [7, 100, 0, 3_000]
    const select = (share: number) => `select n from numbers where n < ${String(share)}`
    const encoded = await session.encode(shares.map((share) => encodeRequest(select(share))))
    const counts = await Promise.all(encoded.map((file) => (file === null ? null : rowsIn(session, file.scratchFile))))
    expect(counts).toEqual([7, 100, null, 3_000])
    const written = await Promise.all(
      shares.map((share) => session.writeAside({ select: select(share), fieldIds: noIds })),
    )
    expect(written.map((file) => file?.rows)).toEqual([7, 100, undefined, 3_000])
    await session.close()
  })

  test('has tables of its own, which go with its reset and its end alone', async ({ lab }) => {
    const engine = await lab.ports.engine()
    const [one, other] = [await engine.openSession(), await engine.openSession()]
    await one.run(numbersBelow(3))
    await other.run(numbersBelow(5))
    await one.reset()
    await one.run(numbersBelow(4))
    const counted = await Promise.all([one, other].map((session) => session.encode([encodeRequest('from numbers')])))
    expect(await rowsIn(one, counted[0]?.[0]?.scratchFile)).toBe(4)
    expect(await rowsIn(other, counted[1]?.[0]?.scratchFile)).toBe(5)
    await one.close()
    expect(await other.rows('select count(*)::integer as n from numbers')).toEqual([{ n: 5 }])
    await other.close()
  })

  test('that fails in one of several files has none of them under way any more', async ({ lab }) => {
    const session = await (await lab.ports.engine()).openSession()
    await session.run(numbersBelow(2_000_000))
    const asked = [`select error('no') from numbers`, 'select md5(n::varchar) as m from numbers order by m']
    await expect(session.encode(asked.map(encodeRequest))).rejects.toMatchObject({ kind: 'bug' })
    await session.run('drop table numbers')
    expect(await session.rows(`select 1 as one`)).toEqual([{ one: 1 }])
    await session.close()
  })

  test('writes what finds too little memory beside another file once more, alone', async ({ lab }) => {
    const engine = await duckdbEngine({ memoryBytes: 250e6, threads: 2, temp: lab.folder, readable: [] })
    const session = await engine.openSession()
    // An aggregate of one value cannot be spilled: 60 MB each, twice while it grows.
    const select = (letter: string) => `select length(string_agg(repeat('${letter}', 1000), '')) as n from range(60000)`
    const encoded = await session.encode(['a', 'b', 'c'].map((letter) => encodeRequest(select(letter))))
    const lengths = encoded.map((file) => session.rows(`from read_parquet(${literal(file?.scratchFile ?? '')})`))
    expect(await Promise.all(lengths)).toEqual([[{ n: '60000000' }], [{ n: '60000000' }], [{ n: '60000000' }]])
    await session.close()
    await engine.close()
  })

  test('fails at once in a statement that is interrupted', async ({ lab }) => {
    const session = await (await lab.ports.engine()).openSession()
    const endless = 'select count(*) as n from range(10000000) a, range(10000000) b'
    const encoding = session.encode([encodeRequest(endless)])
    const failed = expect(encoding).rejects.toMatchObject({ message: expect.stringContaining('INTERRUPT') })
    const interrupting = setInterval(() => session.interrupt(), 50)
    await failed
    clearInterval(interrupting)
    expect(await session.rows('select 1 as one')).toEqual([{ one: 1 }])
    await session.close()
  })

  test('that finds no room for what it writes by itself says so as a statement does, and passes other errors on', () => {
    const full = new Error('ENOSPC: no space left on device, write')
    expect(scratchError(full)).toMatchObject({
      kind: 'unavailable',
      hint: expect.stringContaining('--temp'),
      cause: full,
    })
    expect(engineError('copy', new Error('IO Error: No space left on device'))).toMatchObject({ kind: 'unavailable' })
    const other = new Error('EIO: i/o error, read')
    expect(scratchError(other)).toBe(other)
  })
})
