import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { duckdbEngine } from '../../src/engine/duckdb-engine.ts'
import type { EngineSession } from '../../src/engine/engine.ts'
import { type RememberingEngine, rememberingEngine } from './remembering-engine.ts'

let folder: string
let engine: RememberingEngine
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dmscdc-remembering-'))
  const duckdb = await duckdbEngine({ memoryBytes: 1e9, threads: 1, temp: join(folder, 'work'), readable: [folder] })
  engine = rememberingEngine(duckdb, join(folder, 'files'))
})
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

async function withSession<T>(work: (session: EngineSession) => Promise<T>): Promise<T> {
  const session = await engine.openSession()
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

/** A table of two rows out of a text file, and its sum. */
async function sumOf(session: EngineSession, numbers: string) {
  const path = await session.writeText('numbers.json', numbers)
  await session.run(`create or replace temp table n as from read_json('${path}')`)
  return session.rows('select sum(v)::integer as total from n')
}

test('the same history gets the same answers, and the engine is not asked again', async () => {
  const numbers = '{"v": 1}\n{"v": 2}\n'
  const first = await withSession((session) => sumOf(session, numbers))
  const { answered } = engine.counts
  expect(await withSession((session) => sumOf(session, numbers))).toEqual(first)
  expect(first).toEqual([{ total: 3 }])
  expect(engine.counts.answered).toBe(answered)
})

test('where histories part, the engine is told all of the new one', async () => {
  await withSession(async (session) => {
    await sumOf(session, '{"v": 10}\n')
    expect(await session.rows('select v + 1 as next from n')).toEqual([{ next: '11' }])
  })
  await withSession(async (session) => {
    await sumOf(session, '{"v": 10}\n')
    await session.run('insert into n values (20)')
    expect(await session.rows('select v + 1 as next from n order by v')).toEqual([{ next: '11' }, { next: '21' }])
  })
})

test('a history that differs in a linked file alone is another one', async () => {
  const read = (name: string, text: string) =>
    withSession(async (session) => {
      writeFileSync(join(folder, name), text)
      return session.rows(`from read_text('${await session.link(join(folder, name))}') select content`)
    })
  expect([await read('one', 'a'), await read('other', 'b')]).toEqual([[{ content: 'a' }], [{ content: 'b' }]])
})

test('a reset forgets what was made, and an error is remembered as one', async () => {
  await withSession(async (session) => {
    await sumOf(session, '{"v": 1}\n')
    await session.reset()
    for (let times = 0; times < 2; times++) await expect(session.rows('from n')).rejects.toThrow(/Catalog Error/u)
  })
})

test('what is written has its bytes, also when it was remembered', async () => {
  const write = () =>
    withSession(async (session) => {
      const [file] = await session.write({ select: 'select 7 as seven', fieldIds: new Map([['seven', 1]]) })
      const scratch = await session.scratchPath('copied.parquet')
      await session.run(`copy (select 7 as seven) to '${scratch}' (format parquet)`)
      const copied = await engine.bytesOf(scratch)
      return {
        rows: file?.rows,
        max: file?.statistics.get('seven')?.max,
        sizes: [file?.sizeBytes === (await engine.bytesOf(file?.scratchFile ?? '')).length, copied.length],
        known: await session.sizeOf(scratch),
      }
    })
  const first = await write()
  expect(first).toMatchObject({ rows: 1, max: '7', sizes: [true, first.known] })
  expect(await write()).toEqual(first)
})
