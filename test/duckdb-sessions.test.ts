import { describe, expect } from 'vitest'
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
    const written = await session.writeEach(shares.map((share) => ({ select: select(share), fieldIds: noIds })))
    expect(written.map((files) => files.map(({ rows }) => rows))).toEqual([[7], [100], [], [3_000]])
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
})
