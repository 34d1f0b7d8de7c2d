import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { planTables } from '../src/controller/plan-tables.ts'
import { restoreTable } from '../src/controller/restore-table.ts'
import type { Snapshot } from '../src/domain.ts'
import type { Engine, EngineSession } from '../src/engine/engine.ts'
import { tablePlace } from '../src/lake/keys.ts'
import { openSnapshot } from '../src/lake/open-snapshot.ts'
import { decodeFooter, type Footer, trailerBytes } from '../src/parquet/footer.ts'
import type { Ports } from '../src/ports.ts'
import { eagerJoins, eagerSplices, type Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'

const rows = 300_000
const select = (from: string) =>
  `select id::bigint as id, (id % 1000)::integer as n, 'text ' || id % 500 as name, (id / 4)::decimal(18,4) as amount,
    md5(id::varchar) as wide, timestamp '2024-01-01' + to_seconds(id) as moment, case when id % 3 = 0 then null else id / 7.0::double end as f from ${from}`

async function loaded(lab: Lab, ids = rows): Promise<Ports> {
  await lab.land('s/t/LOAD00000001.parquet', select(`range(${String(ids)}) as r(id)`))
  await lab.set('s.t', { active: true, primaryKey: 'id' })
  const ports = { ...lab.ports, writeCosts: eagerSplices }
  expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null })
  return ports
}

let landed = 0
async function change(lab: Lab, selectChanges: string): Promise<void> {
  await lab.land(`s/t/20240101-0000${String(++landed).padStart(5, '0')}.parquet`, selectChanges)
}

const landUpdates = (lab: Lab) =>
  change(
    lab,
    `select 'U' as "Op", * replace (amount + 1 as amount) from (${select('range(5, 300_000, 90_000) as r(id)')})`,
  )

const only = async (lab: Lab) => {
  const files = await filesBelow(join(lab.lake, 's/t'))
  expect(files).toHaveLength(1)
  return readFile(join(lab.lake, 's/t', files[0] as string))
}
const footerOf = (file: Buffer) => {
  const length = file.readUInt32LE(file.length - trailerBytes)
  return decodeFooter(file.subarray(file.length - trailerBytes - length, file.length - trailerBytes))
}
/** Which row groups hold rows of a kind. */
async function groupsWith(lab: Lab, { rowGroups }: Footer, condition: string): Promise<readonly boolean[]> {
  const places = await lab.sql(`select file_row_number as pos from ${lake(lab)} where ${condition}`)
  let end = 0
  return rowGroups.map((group) => {
    const start = end
    end += group.rows
    return places.some(({ pos }) => Number(pos) >= start && Number(pos) < start + group.rows)
  })
}
const hashOf = async (lab: Lab, relation: string) =>
  (
    await lab.sql(
      `select count(*) as n, sum(hash(id, n, name, amount, wide, epoch_us(moment), f)::hugeint)::varchar as h from ${relation}`,
    )
  )[0]
const head = async (lab: Lab): Promise<Snapshot> => {
  const place = tablePlace({ schema: 's', table: 't' })
  const readCheckpoint = () => Promise.reject(new Error('there is no checkpoint yet'))
  return (await openSnapshot({ store: lab.ports.lake, place, knownVersion: null, readCheckpoint })) as Snapshot
}
const lake = (lab: Lab) => `read_parquet('${lab.lake}/s/t/*.parquet')`

describe('a splice', () => {
  test('of updates keeps the old bytes and encodes the changed columns of the touched row groups alone', async ({
    lab,
  }) => {
    const ports = await loaded(lab)
    const before = await only(lab)
    const footer = footerOf(before)
    const hit = await groupsWith(lab, footer, 'id between 130_000 and 199_999 and id % 50 = 0')
    const updated = `${select('range(130_000, 200_000, 50) as r(id)')}`
    await change(
      lab,
      `select 'U' as "Op", * replace (amount + 1 as amount, case when id % 100 = 0 then null else 'other' end as name) from (${updated})`,
    )
    const report = await lab.runOne('s.t', { ports })
    expect(report).toMatchObject({ error: null, changes: { updated: 1_400 }, filesRewritten: 1, filesAdded: 1 })
    const after = await only(lab)
    const dataBytes = before.length - trailerBytes - before.readUInt32LE(before.length - trailerBytes)
    expect(Buffer.compare(after.subarray(0, dataBytes), before.subarray(0, dataBytes))).toBe(0)
    const moved = footerOf(after).rowGroups.map(({ chunks }) => chunks.map(({ start }) => start >= dataBytes))
    expect(moved).toEqual(hit.map((isHit) => [false, false, isHit, isHit, false, false, false]))
    expect(hit).toContain(false)
    expect(report.bytesWritten).toBeLessThan(before.length / 4)
    const expected = `(select * replace (case when hit then amount + 1 else amount end::decimal(18,4) as amount, case when hit then case when id % 100 = 0 then null else 'other' end else name end as name)
      from (select *, id >= 130_000 and id < 200_000 and id % 50 = 0 as hit from (${select(`range(${String(rows)}) as r(id)`)})))`
    expect(await hashOf(lab, lake(lab))).toEqual(await hashOf(lab, expected))
    expect(await lab.verify()).toMatchObject([{ ok: true, rows }])
  })

  test('of deletions and inserts encodes the row groups that lose rows, and those that come', async ({ lab }) => {
    const ports = await loaded(lab)
    const before = await only(lab)
    await change(
      lab,
      `select 'D' as "Op", * from (${select('range(10, 20) as r(id)')}) union all
       select 'I', * from (${select('range(300_000, 300_100) as r(id)')}) union all
       select 'U', * replace (amount + 1 as amount) from (${select('range(250_000, 250_010) as r(id)')})`,
    )
    const report = await lab.runOne('s.t', { ports })
    expect(report).toMatchObject({ error: null, changes: { updated: 10, deleted: 10, inserted: 100 } })
    expect(report.bytesWritten).toBeLessThan(before.length * 0.8)
    expect(
      Buffer.compare((await only(lab)).subarray(0, before.length / 2), before.subarray(0, before.length / 2)),
    ).toBe(0)
    const expected = `(select * replace (case when id >= 250_000 and id < 250_010 then amount + 1 else amount end::decimal(18,4) as amount) from (${select(`range(${String(rows + 100)}) as r(id)`)}) where id < 10 or id >= 20)`
    expect(await hashOf(lab, lake(lab))).toEqual(await hashOf(lab, expected))
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: rows + 90 }])
    await change(
      lab,
      `select 'U' as "Op", * replace (amount + 2 as amount) from (${select('range(0, 300_000, 1_000) as r(id)')})`,
    )
    const next = await lab.runOne('s.t', { ports })
    expect(next).toMatchObject({ error: null, changes: { updated: 300 } })
    expect(next.bytesWritten).toBeLessThan(before.length / 3)
    const later = `(select * replace (case when id < 300_000 and id % 1_000 = 0 then id / 4 + 2 else amount end::decimal(18,4) as amount) from ${expected})`
    expect(await hashOf(lab, lake(lab))).toEqual(await hashOf(lab, later))
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: rows + 90 }])
  })

  test('gives a file the columns that the table has got since', async ({ lab }) => {
    const ports = await loaded(lab)
    const before = await only(lab)
    const updated = `select 'U' as "Op", * replace (amount + 1 as amount), 'seq ' || id as seq, case when id % 2 = 0 then timestamp '2026-01-01' end as committed`
    await change(lab, `${updated} from (${select('range(130_000, 131_000) as r(id)')})`)
    const report = await lab.runOne('s.t', { ports })
    expect(report).toMatchObject({ error: null, changes: { updated: 1_000 } })
    expect(report.bytesWritten).toBeLessThan(before.length / 4)
    const hit = 'id between 130_000 and 130_999'
    const expected = `(select * replace (case when ${hit} then amount + 1 else amount end::decimal(18,4) as amount) from (${select(`range(${String(rows)}) as r(id)`)}))`
    expect(await hashOf(lab, lake(lab))).toEqual(await hashOf(lab, expected))
    expect(
      await lab.sql(`select count(*) filter (${hit}) as hit, count(seq) as seqs, count(committed) as dates, min(seq) as least, bool_and(seq is null or seq = 'seq ' || id) as own,
        max(committed)::varchar as date from ${lake(lab)}`),
    ).toEqual([
      { hit: '1000', seqs: '1000', dates: '500', least: 'seq 130000', own: true, date: '2026-01-01 00:00:00+00' },
    ])
    expect(await lab.verify()).toMatchObject([{ ok: true, rows }])
    await change(
      lab,
      `${updated.replace('amount + 1', 'amount + 2')} from (${select('range(130_500, 140_000) as r(id)')})`,
    )
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null, changes: { updated: 9_500 } })
    expect(await lab.sql(`select count(seq) as seqs from ${lake(lab)}`)).toEqual([{ seqs: '10000' }])
    expect(await lab.verify()).toMatchObject([{ ok: true, rows }])
  })

  test('writes the bytes that the plan says', async ({ lab }) => {
    const ports = await loaded(lab)
    await change(
      lab,
      `select 'U' as "Op", * replace (md5('z' || id) as wide) from (${select('range(0, 300_000, 1_000) as r(id)')})`,
    )
    const [planned] = await planTables(ports, [])
    expect(planned).toMatchObject({ changes: { updated: 300, unchanged: 0 }, filesToRewrite: 1 })
    const log = await filesBelow(join(lab.lake, '_dmscdc'))
    const report = await lab.runOne('s.t', { ports })
    expect(log).toHaveLength(1)
    expect(report.bytesWritten / (planned?.bytesToWrite ?? 0)).toBeGreaterThan(1 / 1.3)
    expect(report.bytesWritten / (planned?.bytesToWrite ?? 0)).toBeLessThan(1.3)
  })

  test('upon a splice upon a splice is right', async ({ lab }) => {
    const ports = await loaded(lab)
    const before = await only(lab)
    for (const step of [1, 2, 3]) {
      await change(
        lab,
        `select 'U' as "Op", * replace (amount + ${String(step)} as amount) from (${select(`range(${String(step * 1_000)}, 300_000, 7_001) as r(id)`)})`,
      )
      const report = await lab.runOne('s.t', { ports })
      expect(report).toMatchObject({ error: null })
      expect(report.bytesWritten).toBeLessThan(before.length / 3)
    }
    const lastStep = [1, 2, 3].map(
      (step) =>
        `when id >= ${String(step * 1_000)} and (id - ${String(step * 1_000)}) % 7_001 = 0 then ${String(step)}`,
    )
    const expected = `(select * replace (amount + case ${lastStep.join(' ')} else 0 end::decimal(18,4) as amount) from (${select(`range(${String(rows)}) as r(id)`)}))`
    expect(await hashOf(lab, lake(lab))).toEqual(await hashOf(lab, expected))
    expect(await lab.verify()).toMatchObject([{ ok: true, rows }])
  })

  test.for([
    ['in another order', (select: string) => `select * from (${select}) order by 1 desc`, {}],
    ['in smaller row groups', (select: string) => select, { rowGroupRows: 2_048 }],
    ['in another type', (select: string) => `select columns(*)::varchar from (${select})`, {}],
  ] as const)(
    'that the engine encodes %s is not used: the file is written whole',
    async ([, change, more], { lab }) => {
      const ports = await loaded(lab)
      await landUpdates(lab)
      const engine = async (): Promise<Engine> => {
        const own = await ports.engine()
        const openSession = async (): Promise<EngineSession> => {
          const session = await own.openSession()
          const changed: EngineSession['encode'] = (requests) =>
            session.encode(requests.map((asked) => ({ ...asked, ...more, select: change(asked.select) })))
          return { ...session, encode: changed }
        }
        return { ...own, openSession }
      }
      const report = await lab.runOne('s.t', { ports: { ...ports, engine } })
      expect(report).toMatchObject({ error: null, changes: { updated: 4 } })
      const [whole] = await lab.sql(`select min(amount)::varchar as least from ${lake(lab)} where id in (5, 90_005)`)
      expect(whole).toEqual({ least: '2.2500' })
      expect(await lab.verify()).toMatchObject([{ ok: true, rows }])
      expect(report.bytesWritten).toBeGreaterThan((await only(lab)).length)
    },
  )

  test('is brought back by a restore with the hashes and dead bytes that it had, and is spliced again', async ({
    lab,
  }) => {
    const ports = await loaded(lab)
    await lab.set('s.t', { retain: '7d' })
    const seen: unknown[] = []
    const ofHead: unknown[] = []
    const note = async () => {
      const [file] = (await head(lab)).files
      ofHead.push({ segments: file?.segments, deadBytes: file?.deadBytes, sizeBytes: file?.sizeBytes })
      seen.push(await hashOf(lab, lake(lab)))
    }
    for (let times = 0; times < 2; times++) {
      const amount = `amount + ${String(times + 1)} as amount`
      await change(
        lab,
        `select 'U' as "Op", * replace (${amount}) from (${select('range(5, 300_000, 90_000) as r(id)')})`,
      )
      expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null, changes: { updated: 4 } })
      await note()
      await change(
        lab,
        `select 'U' as "Op", * replace ('x' as name) from (${select('range(7, 300_000, 90_000) as r(id)')})`,
      )
      expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null, changes: { updated: 4 } })
      await note()
      await restoreTable(ports, { schema: 's', table: 't' }, { version: 1, keepProgress: true })
      await note()
      expect([seen.at(-1), ofHead.at(-1)]).toEqual([seen[0], ofHead[0]])
      expect(await lab.verify()).toMatchObject([{ ok: true, problems: [] }])
      if (times === 0) await lab.set('s.t', { active: true })
    }
    expect(ofHead[0]).toMatchObject({ deadBytes: expect.toSatisfy((bytes: number) => bytes > 0) })
  })

  test('does not take bytes that came behind a file for its end', async ({ lab }) => {
    const ports = await loaded(lab)
    const [name] = await filesBelow(join(lab.lake, 's/t'))
    const path = join(lab.lake, 's/t', name as string)
    const whole = await readFile(path)
    await landUpdates(lab)
    const footer = whole.subarray(-trailerBytes - whole.readUInt32LE(whole.length - trailerBytes))
    await writeFile(path, Buffer.concat([whole, footer]))
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: { kind: 'corrupt-lake' } })
  })

  test('by a sequence column takes the newest values alone, and keeps deletions in mind', async ({ lab }) => {
    const ports = await loaded(lab)
    await lab.set('s.t', { sequenceColumn: 'moment' })
    const ids = 'range(5, 300_000, 90_000) as r(id)'
    const changed = (moment: string, ids: string) =>
      `select 'U' as "Op", * replace (amount + 1 as amount, timestamp '${moment}' as moment) from (${select(ids)})`
    await change(
      lab,
      `${changed('2030-01-01', ids)} union all ${changed('2000-01-01', 'range(6, 300_000, 90_000) as r(id)')}
        union all select 'D', * replace (timestamp '2030-01-01' as moment) from (${select('range(9, 10) as r(id)')})`,
    )
    const [plan] = await planTables(ports, [])
    const report = await lab.runOne('s.t', { ports })
    const changes = { updated: 4, deleted: 1, unchanged: 4 }
    expect([plan, report]).toMatchObject([{ changes }, { error: null, changes }])
    expect(report.bytesWritten).toBeLessThan((await only(lab)).length / 2)
    const expected = `(select * replace (case when id % 90_000 = 5 then amount + 1 else amount end as amount,
      case when id % 90_000 = 5 then timestamp '2030-01-01' else moment end as moment) from (${select('range(300_000) as r(id)')}) where id <> 9)`
    expect(await hashOf(lab, lake(lab))).toEqual(await hashOf(lab, expected))
    await change(lab, `select 'I' as "Op", * from (${select('range(9, 10) as r(id)')})`)
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null, changes: { inserted: 0, unchanged: 1 } })
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: rows - 1 }])
  })

  test('does not make a flipped bit its own, wherever it is', async ({ lab }) => {
    const ports = await loaded(lab)
    const [name] = await filesBelow(join(lab.lake, 's/t'))
    const path = join(lab.lake, 's/t', name as string)
    const whole = await readFile(path)
    const places = Array.from({ length: 12 }, (_, at) => Math.floor(((at + 0.5) / 12) * whole.length))
    await landUpdates(lab)
    for (const place of [...places, whole.length - 2_000, whole.length - 7]) {
      const damaged = Buffer.from(whole)
      damaged[place] = (damaged[place] as number) ^ 4
      await writeFile(path, damaged)
      const report = await lab.runOne('s.t', { ports })
      expect(report).toMatchObject({ error: { kind: 'corrupt-lake' } })
    }
    await writeFile(path, whole)
    expect(await lab.runOne('s.t', { ports })).toMatchObject({ error: null, changes: { updated: 4 } })
    expect(await lab.verify()).toMatchObject([{ ok: true }])
  })

  test('that is joined here puts the file that the store would make, reports all of its bytes as written, and carries no flipped bit', async ({
    lab,
  }) => {
    // The segments behind the first are those of row groups that nothing changes.
    const ports = await loaded(lab, 800_000)
    const [name] = await filesBelow(join(lab.lake, 's/t'))
    const path = join(lab.lake, 's/t', name as string)
    const whole = await readFile(path)
    await change(lab, `select 'U' as "Op", * replace (amount + 1 as amount) from (${select('range(5, 6) as r(id)')})`)
    const joining = { ...ports, writeCosts: eagerJoins }
    const [first, second] = (await head(lab)).files[0]?.segments ?? []
    expect(second?.bytes).toBeGreaterThan(8_000_000)
    const damaged = Buffer.from(whole)
    const place = (first?.bytes ?? 0) + 4_000_000
    damaged[place] = (damaged[place] as number) ^ 4
    await writeFile(path, damaged)
    expect(await lab.runOne('s.t', { ports: joining })).toMatchObject({ error: { kind: 'corrupt-lake' } })
    await writeFile(path, whole)
    const report = await lab.runOne('s.t', { ports: joining })
    expect(report).toMatchObject({ error: null, changes: { updated: 1 }, filesRewritten: 1 })
    const joined = await only(lab)
    // And the log's entry.
    expect(report.bytesWritten).toBeGreaterThan(joined.length)
    expect(report.bytesWritten).toBeLessThan(joined.length + 10_000)
    const kept = (await head(lab)).files[0]?.segments.slice(0, -2).reduce((total, { bytes }) => total + bytes, 0) ?? 0
    expect(kept).toBeGreaterThan(whole.length * 0.99)
    expect(joined.subarray(0, kept).equals(whole.subarray(0, kept))).toBe(true)
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: 800_000 }])
  })
})
