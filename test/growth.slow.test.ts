import { expect } from 'vitest'
import { type DataFile, noChanges, noLoad } from '../src/domain.ts'
import { stagedKey } from '../src/lake/keys.ts'
import { filesToMerge, liveBytes } from '../src/lake/small-files.ts'
import { dataFileBytesTarget } from '../src/lake/write-data.ts'
import { entryOf } from '../src/landing/move-progress.ts'
import { advance } from '../src/landing/pending.ts'
import { defaultWriteCosts } from '../src/load-incremental/choose-write.ts'
import { memoryObjects } from '../src/objects/memory-objects.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import type { TableWork } from '../src/process-table/decide.ts'
import { processTable } from '../src/process-table/process-table.ts'
import { type StagedWork, unchanged, type WorkContext } from '../src/process-table/staged-work.ts'
import { workUntilIdle } from '../src/process-table/work.ts'
import { memoryState } from '../src/state/memory-state.ts'
import type { StateItem } from '../src/state/state-store.ts'
import { sum } from '../src/sum.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'
import { dataFile } from './support/lake-fixtures.ts'

const id = { schema: 's', table: 't' }
const commits = 1_000
const arrivingBytes = 500_000
const nameOf = (hour: number) =>
  `${new Date(Date.UTC(2024, 0, 1, hour)).toISOString().slice(0, 13).replaceAll('-', '').replace('T', '-')}0000000.parquet`

/** What one run asked of landing and lake. `logBytes`: read of the table's log. */
type Cost = { readonly requests: number; readonly logBytes: number; readonly files: number; readonly bytes: number }

/** Only the SQL of a merge is pretended: log, checkpoints, placing, deletions and the choice of files are the code's own. */
test('the thousandth commit costs what the tenth did, and leaves few files', { timeout: 1_800_000 }, async ({
  lab,
}) => {
  const { ports, logBytes } = memoryPorts(lab)
  const costs: Cost[] = []
  const row = { ActiveFlag: 'true', PrimaryKey: 'id' }
  for (let commit = 1; commit <= commits; commit++) {
    await ports.landing.put(`s/t/${nameOf(commit)}`, new TextEncoder().encode(String(commit)), { kind: 'any' })
    if (commit === 1) {
      await lab.run({ ports })
      await ports.state.update(id, { set: row }, {})
    }
    const before = logBytes()
    let files: readonly DataFile[] = []
    const report = await processTable(
      ports,
      (await ports.state.get(id)) as StateItem,
      undefined,
      async (table, totals) => {
        await workUntilIdle(table, totals, pretendToInsert)
        files = totals.head?.files ?? []
      },
    )
    expect(report).toMatchObject({ error: null, status: 'incremental', version: commit - 1 })
    const requests = sum(Object.values(report.requests))
    costs.push({ requests, logBytes: logBytes() - before, files: files.length, bytes: sum(files.map(liveBytes)) })
  }
  // Eight runs are a cycle: in each one checkpoint is written. A day is the look-back, whose files each entry names.
  const [early, aDayOn, late] = [costs.slice(9, 17), costs.slice(31, 39), costs.slice(-8)]
  const of = (some: readonly Cost[], what: keyof Cost) => sum(some.map((cost) => cost[what]))
  expect(of(late, 'requests') / of(early, 'requests')).toBeLessThanOrEqual(1.2)
  expect(of(late, 'logBytes') / of(aDayOn, 'logBytes')).toBeLessThanOrEqual(1.2)
  for (const { files, bytes } of costs) expect(files).toBeLessThanOrEqual((2 * bytes) / dataFileBytesTarget + 10)
})

/** Stages a file of new rows, and in it the small files that are to be merged. */
async function pretendToInsert(
  { staging, snapshot, start, config }: WorkContext,
  work: Exclude<TableWork, { kind: 'idle' | 'held' }>,
): Promise<StagedWork> {
  if (work.kind !== 'incremental') throw new Error(`there is no ${work.kind} work here`)
  const remove = filesToMerge(snapshot?.files ?? [], [{ partition: {}, bytes: arrivingBytes }], defaultWriteCosts)
  const path = `part-${staging.newId()}.parquet`
  await staging.lake.put(stagedKey(staging.place, staging.txnId, path), new Uint8Array(1), { kind: 'any' })
  const sizeBytes = arrivingBytes + sum(remove.map(liveBytes))
  const { lookBackMs, primaryKey, partitionKey } = config
  const taken = work.files.map((file) => ({ ...entryOf(file), sha256: file.etag }))
  return {
    ...unchanged(snapshot),
    schema: snapshot === null ? { columns: [], partitionColumns: [] } : null,
    add: [dataFile(path, staging.txnId, { sizeBytes, fieldIds: [] })],
    remove,
    progress: advance((snapshot ?? start).progress, taken, { lookBackMs, primaryKey, partitionKey, stillPending: [] }),
    load: snapshot === null ? noLoad : null,
    landingFiles: work.files,
    changes: { ...noChanges, inserted: 34 },
  }
}

function memoryPorts(lab: Lab) {
  const store = (place: string) =>
    memoryObjects({ now: lab.ports.clock.nowMs, scratchDir: `${lab.folder}/scratch`, place })
  const [landing, inLake] = [store('landing/'), store('lake/')]
  let logBytes = 0
  const isLog = (key: string) => key.includes('/_delta_log/')
  const lake: ObjectStore = {
    ...inLake,
    async get(key, range) {
      const found = await inLake.get(key, range)
      if (isLog(key)) logBytes += found?.body.length ?? 0
      return found
    },
    async fetch(key, options) {
      if (isLog(key)) logBytes += (await inLake.head(key))?.sizeBytes ?? 0
      return inLake.fetch(key, options)
    },
  }
  const ports = { ...lab.ports, landing, lake, state: memoryState({ landingPlace: landing.place }) }
  return { ports, logBytes: () => logBytes }
}
