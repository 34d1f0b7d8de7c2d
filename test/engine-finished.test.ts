import { appendFile, copyFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { duckdbEngine } from '../src/engine/duckdb-engine.ts'
import { watchFinished } from '../src/engine/duckdb-finished.ts'
import { segmentsOf } from '../src/engine/duckdb-scratch.ts'
import type { EncodedFile, Engine, EngineSession } from '../src/engine/engine.ts'

let folder = ''
let engine: Engine
let session: EngineSession

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'finished-'))
  engine = await duckdbEngine({ memoryBytes: 2e8, threads: 2, temp: join(folder, 'temp'), readable: [] })
  session = await engine.openSession()
})

afterEach(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

const parquetFile = async (rows: number) => {
  const select = `select range as id, md5(range::varchar) as v from range(${String(rows)})`
  const [written] = await session.write({ select, fieldIds: new Map() })
  return written?.scratchFile as string
}

describe('hashes that are taken while the engine writes the next file', () => {
  test('are those of the finished files', async () => {
    const select = 'select range as id, md5(range::varchar) as v from range(400000)'
    const written = await session.write({ select, fieldIds: new Map(), fileBytesTarget: 1e6 })
    expect(written.length).toBeGreaterThan(2)
    for (const { scratchFile, sizeBytes, segments } of written)
      expect(segments).toEqual(await segmentsOf(scratchFile, sizeBytes))
  })

  test('come with word of each file that is finished, one after the other, at its last size', async () => {
    const told: EncodedFile[] = []
    let telling = 0
    const select = 'select range as id, md5(range::varchar) as v from range(3000000)'
    const written = await session.write({ select, fieldIds: new Map(), fileBytesTarget: 1e6 }, async (file) => {
      expect(++telling).toBe(1)
      told.push(file)
      await sleep(1)
      telling--
    })
    expect(told.length).toBeGreaterThan(0)
    const sizes = new Map(written.map(({ scratchFile, sizeBytes }) => [scratchFile, sizeBytes]))
    for (const { scratchFile, sizeBytes } of told) expect(sizeBytes).toBe(sizes.get(scratchFile))
    expect(new Set(told.map(({ scratchFile }) => scratchFile)).size).toBe(told.length)
  })

  test('come without word of a file without rows, which a query without rows leaves', async () => {
    const watched = join(folder, 'watched')
    await mkdir(watched)
    await copyFile(await parquetFile(10), join(watched, 'some.parquet'))
    const duckdb = await DuckDBInstance.create(':memory:')
    const connection = await duckdb.connect()
    await connection.run(`copy (select 1 as id where false) to '${join(watched, 'none.parquet')}' (format parquet)`)
    duckdb.closeSync()
    const told: string[] = []
    const finished = watchFinished(watched, async ({ scratchFile }) => {
      told.push(scratchFile)
    })
    await sleep(400)
    await finished.stop()
    expect(told).toEqual([join(watched, 'some.parquet')])
  })

  test('end with the error of who was told, once the engine has ended', async () => {
    const select = 'select range as id, md5(range::varchar) as v from range(3000000)'
    const writing = session.write({ select, fieldIds: new Map(), fileBytesTarget: 1e6 }, async () => {
      throw new Error('no room')
    })
    await expect(writing).rejects.toThrow('no room')
    expect(await session.rows('select 1 as one')).toEqual([{ one: 1 }])
    const broken = session.write({ select: 'select error(range) as id from range(3)', fieldIds: new Map() })
    await expect(broken).rejects.toMatchObject({ kind: 'bug' })
  })

  test('do not count where the file went on', async () => {
    const path = join(folder, 'watched', 'a.parquet')
    const [short, long] = [await parquetFile(10), await parquetFile(1_000)]
    const finished = await watching(path, short)
    await copyFile(long, path)
    await finished.stop()
    const { size } = await stat(path)
    expect(await finished.segments(path, size)).toEqual(await segmentsOf(long, size))
  })

  test('are at hand before they are asked for', async () => {
    const path = join(folder, 'watched', 'a.parquet')
    const source = await parquetFile(10)
    const { size } = await stat(source)
    const finished = await watching(path, source)
    await finished.stop()
    await rm(path)
    expect(await finished.segments(path, size)).toEqual(await segmentsOf(source, size))
  })

  test('wait for what does not look finished, and pass over what cannot be read', async () => {
    const path = join(folder, 'watched', 'a.parquet')
    const finished = await watching(path, null)
    await writeFile(path, 'PAR1 and no more yet')
    await appendFile(path, Buffer.from([4, 0, 0, 0, 0x50, 0x41, 0x52, 0x31]))
    await sleep(300)
    await finished.stop()
    const source = await parquetFile(10)
    await copyFile(source, path)
    const { size } = await stat(path)
    expect(await finished.segments(path, size)).toEqual(await segmentsOf(source, size))
  })
})

async function watching(path: string, source: string | null) {
  await mkdir(join(folder, 'watched'))
  if (source !== null) await copyFile(source, path)
  const finished = watchFinished(join(folder, 'watched'))
  await sleep(400)
  return finished
}
