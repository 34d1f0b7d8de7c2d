import { expect, test } from 'vitest'
import type { EngineSession, OnFinished, WrittenFile } from '../src/engine/engine.ts'
import { tablePlace } from '../src/lake/keys.ts'
import { type Staging, stage, writeRows } from '../src/lake/write-data.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'

const shape = { columns: [], partitionColumns: [], keyColumns: [] }
const written = ['a', 'b'].map((scratchFile): WrittenFile => {
  const sizes = { rows: 1, sizeBytes: 100, footerBytes: 10 }
  return { scratchFile, ...sizes, segments: [], statistics: new Map() }
})

/** An engine that writes these files, and tells of the first while it writes the second. */
function sessionTelling(sizeBytes: number): EngineSession {
  const write = async (_: unknown, onFinished?: OnFinished) => {
    await onFinished?.({ scratchFile: 'a', sizeBytes })
    return written
  }
  return { write } as Partial<EngineSession> as EngineSession
}

function watchedStaging(): { readonly staging: Staging; readonly puts: string[] } {
  const puts: string[] = []
  const put = async (key: string, body: unknown) => {
    puts.push(`${(body as { scratchFile: string }).scratchFile} ${key.slice(key.lastIndexOf('/') + 1)}`)
    return { kind: 'stored', etag: '' } as const
  }
  const lake = { put } as Partial<ObjectStore> as ObjectStore
  let id = 0
  const place = tablePlace({ schema: 's', table: 't' })
  return { puts, staging: { lake, place, txnId: 'T', newId: () => String(++id), nowMs: () => 0 } }
}

test('a file is staged while the engine writes the next, and not again', async () => {
  const { staging, puts } = watchedStaging()
  const files = await writeRows(sessionTelling(100), staging, shape, 'select 1')
  expect(puts).toEqual(['a part-1.parquet'])
  expect((await stage(staging, files)).map(({ path }) => path)).toEqual(['part-1.parquet', 'part-2.parquet'])
  expect(puts).toEqual(['a part-1.parquet', 'b part-2.parquet'])
})

test('a file that went on after it looked finished is staged once more, under another name', async () => {
  const { staging, puts } = watchedStaging()
  const files = await writeRows(sessionTelling(99), staging, shape, 'select 1')
  expect((await stage(staging, files)).map(({ path }) => path)).toEqual(['part-2.parquet', 'part-3.parquet'])
  expect(puts).toEqual(['a part-1.parquet', 'a part-2.parquet', 'b part-3.parquet'])
})
