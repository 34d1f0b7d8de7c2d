import { readFile } from 'node:fs/promises'
import fc from 'fast-check'
import { parquetMetadata } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Snapshot } from '../src/domain.ts'
import { type CheckpointEngine, checkpointLines, writeCheckpoint } from '../src/lake/checkpoint.ts'
import { commitBody } from '../src/lake/commit-body.ts'
import { openSnapshot } from '../src/lake/open-snapshot.ts'
import { parseLines } from '../src/lake/parse-actions.ts'
import { partitionFolder } from '../src/lake/partition-path.ts'
import { checkpointSnapshot, committedSnapshot } from '../src/lake/snapshot.ts'
import { commitTo, dataFile, newStore, place, staged, startMs, withoutVersions } from './support/lake-fixtures.ts'
import { type DuckDb, openDuckDb } from './support/lake-parquet.ts'

let duckdb: DuckDb
let engine: CheckpointEngine
beforeAll(async () => {
  duckdb = await openDuckDb()
  engine = duckdb.engine
})
afterAll(() => duckdb.close())

async function roundTrip(snapshot: Snapshot): Promise<Snapshot> {
  const { scratchFile, sizeBytes } = await engine.writeCheckpoint(
    checkpointLines(snapshot, snapshot.tombstones).join('\n'),
  )
  const lines = await engine.readCheckpoint(scratchFile)
  return checkpointSnapshot(snapshot.version, parseLines('checkpoint', lines), sizeBytes)
}

describe('a checkpoint in Parquet', () => {
  test('opens as the very table that the entries describe', async () => {
    const store = newStore()
    const add = [
      dataFile('day=a%2Fb ü😀/p0.parquet', 'T0', { partition: { day: 'a/b ü😀' } }),
      dataFile('day=x/p1.parquet', 'T0'),
    ]
    const nothing = dataFile('day=__HIVE_DEFAULT_PARTITION__/p2.parquet', 'T1', { partition: { day: null } })
    const base = await commitTo(store, staged(null, 'T0', { add }))
    const head = await commitTo(store, staged(base, 'T1', { add: [nothing], remove: base.files.slice(0, 1) }))
    const written = await writeCheckpoint({
      store,
      engine,
      place,
      snapshot: head,
      publish: ['delta'],
      retainMs: null,
      nowMs: startMs,
    })
    const { readCheckpoint } = engine
    const opened = await openSnapshot({ store, place, knownVersion: 1, readCheckpoint })
    expect(withoutVersions(opened!)).toEqual(withoutVersions(head))
    expect(opened).toMatchObject({ checkpointVersion: 1, checkpointBytes: written.checkpointBytes })
  })

  test('has what Delta readers look for, and no more', async () => {
    const base = committedSnapshot(
      null,
      commitBody(staged(null, 'T0', { add: [dataFile('p0.parquet', 'T0')] }), '0.1.0'),
    )
    const { scratchFile } = await engine.writeCheckpoint(checkpointLines(base, []).join('\n'))
    const scan = `read_parquet('${scratchFile}')`
    const { rows } = duckdb
    expect(await rows(`select column_name from (describe from ${scan})`)).toEqual(
      ['txn', 'add', 'remove', 'metaData', 'protocol', 'domainMetadata'].map((name) => [name]),
    )
    expect(
      await rows(`select count(*), count(txn), count(add), count(remove), count(metaData), count(protocol),
      count(domainMetadata) from ${scan}`),
    ).toEqual([['5', '0', '1', '0', '1', '1', '2']])
    expect(
      await rows(`select protocol.minWriterVersion, len(protocol.writerFeatures) from ${scan}
      where protocol is not null`),
    ).toEqual([[7, '4']])
    expect(
      await rows(`select add.dataChange, add.partitionValues, add.stats from ${scan} where add is not null`),
    ).toEqual([[false, [], base.files[0]?.stats]])
    const file = await readFile(scratchFile)
    const { row_groups } = parquetMetadata(
      file.buffer.slice(file.byteOffset, file.byteOffset + file.length) as ArrayBuffer,
    )
    expect(row_groups[0]?.columns[0]?.meta_data?.codec).toBe('SNAPPY')
  })

  test('takes a line that is longer than DuckDB expects', async () => {
    const stats = `{"numRecords":3,"minValues":{"t":"${'x'.repeat(17 * 1_048_576)}"}}`
    const body = commitBody(staged(null, 'T0', { add: [dataFile('p0.parquet', 'T0', { stats })] }), '0.1.0')
    const snapshot = committedSnapshot(null, body)
    expect((await roundTrip(snapshot)).files[0]?.stats).toBe(stats)
  })

  test('keeps any text and any number to the last digit', async () => {
    const value = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(value, fc.bigInt()), { maxLength: 5 }), async (samples) => {
        const add = samples.map(([day, number], at) =>
          dataFile(`${partitionFolder(['day'], { day })}p${at}.parquet`, 'T0', {
            partition: { day },
            stats: JSON.stringify({ numRecords: 3, minValues: { day } }).replace(
              '"minValues"',
              `"x": ${number}.10,"minValues"`,
            ),
          }),
        )
        const partitionColumns = ['day']
        const schema = { columns: [{ name: 'day', type: { kind: 'string' }, fieldId: 2 } as const], partitionColumns }
        const snapshot = committedSnapshot(null, commitBody(staged(null, 'T0', { add, schema }), '0.1.0'))
        expect(withoutVersions(await roundTrip(snapshot))).toEqual(withoutVersions(snapshot))
      }),
      { numRuns: 30 },
    )
  })
})
