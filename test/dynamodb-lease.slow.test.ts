import { UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Lease } from '../src/domain.ts'
import type { Ports } from '../src/ports.ts'
import { acquireLease } from '../src/state/acquire-lease.ts'
import { processHolder } from '../src/state/holder.ts'
import { release, renewal } from '../src/state/lease-row.ts'
import type { StateStore } from '../src/state/state-store.ts'
import { writeAsHolder } from '../src/state/write-as-holder.ts'
import { describeDynamodb, orders, ordersPath } from './support/dynamodb-bench.ts'
import type { Fault } from './support/dynamodb-faults.ts'
import { type Lab, openLab } from './support/lab.ts'

const lostFaults: Fault[] = ['answer-lost', 'answer-cut', 'error-after', 'request-lost']
const clock = { nowMs: () => 1_000, sleep: async () => {} }

await describeDynamodb('a lease', (bench) => {
  beforeEach(async () => {
    await bench().state.register(orders, { path: ordersPath })
  })

  const take = (runId: string, store = bench().state) =>
    acquireLease({ state: store, holder: processHolder(), clock }, { id: orders, runId, txnId: null })
  const taken = async (runId: string): Promise<Lease> => {
    const result = await take(runId)
    if (result.kind !== 'acquired') throw new Error(`the lease is ${result.kind}`)
    return result.lease
  }
  const rowNow = async () => (await bench().state.get(orders))?.row
  /** As the console does when an operator saves an item that was opened before. */
  const saveLease = (path: string, lease: Lease) =>
    bench().raw.send(
      new UpdateItemCommand({
        TableName: bench().tableName,
        Key: { path: { S: path } },
        UpdateExpression: 'SET #lease = :lease',
        ExpressionAttributeNames: { '#lease': 'Lease' },
        ExpressionAttributeValues: { ':lease': { M: marshall(lease) } },
      }),
    )

  it('is held by one of ten that take it at once, ten times over, and the others know by whom', async () => {
    const { state } = bench()
    for (let round = 1; round <= 10; round++) {
      const runs = Array.from({ length: 10 }, (_, i) => `round-${round}-run-${i}`)
      const stores = runs.map(() => bench().store())
      const results = await Promise.all(runs.map((run, i) => take(run, stores[i])))
      const winners = results.filter((result) => result.kind === 'acquired')
      expect(winners).toHaveLength(1)
      const { lease } = winners[0] as Extract<(typeof winners)[0], { kind: 'acquired' }>
      expect(lease.epoch).toBe(round)
      for (const result of results) expect(result).toMatchObject({ lease })
      expect(await rowNow()).toMatchObject({ Lease: lease, LeaseEpoch: round })
      const { change, condition } = release(lease)
      expect(await state.update(orders, change, condition)).toBe('updated')
    }
  })

  it.each(lostFaults)('is taken once, renewed and released once, though each call ends "%s" first', async (fault) => {
    const { state, proxy } = bench()
    proxy.fail('UpdateItem', [fault])
    const lease = await taken('me')
    expect(await rowNow()).toMatchObject({ Lease: lease, LeaseEpoch: 1 })
    proxy.fail('UpdateItem', [fault])
    const renewed = renewal(lease, 30_000, 60_000, 'txn-1')
    expect(await state.update(orders, renewed.change, renewed.condition)).toBe('updated')
    expect(await rowNow()).toMatchObject({ Lease: { ...lease, txnId: 'txn-1', expiresMs: 90_000 } })
    expect(await take('other')).toEqual({ kind: 'held-by', lease: renewed.lease })
    proxy.fail('UpdateItem', [fault])
    const { change, condition } = release(renewed.lease)
    expect(await state.update(orders, change, condition)).toBe('updated')
    expect((await rowNow())?.Lease).toBeUndefined()
    expect((await taken('other')).epoch).toBe(2)
  })

  it('is not claimed by the run whose request was lost while another took it', async () => {
    const { state, proxy } = bench()
    let other: Lease | undefined
    const overtaken: StateStore = {
      ...state,
      async update(...write) {
        other ??= await taken('other')
        proxy.fail('UpdateItem', ['request-lost'])
        return state.update(...write)
      },
    }
    expect(await take('me', overtaken)).toEqual({ kind: 'held-by', lease: other })
    expect((await rowNow())?.Lease).toEqual(other)
  })

  it('is known by the run id where an operator saved the item with an older one of the same run', async () => {
    const { state } = bench()
    const first = await taken('me')
    const { lease: second, ...write } = renewal(first, 20_000, 60_000)
    await state.update(orders, write.change, write.condition)
    await saveLease(ordersPath, first)
    const third = await writeAsHolder(state, orders, second, (standing) => [renewal(standing, 40_000, 60_000)])
    expect(third?.lease).toEqual({ ...first, expiresMs: 100_000 })
    expect(await rowNow()).toMatchObject({ Lease: third?.lease })
    const theirs = { ...first, runId: 'other' }
    await saveLease(ordersPath, theirs)
    expect(await writeAsHolder(state, orders, first, (standing) => [release(standing)])).toBeNull()
    expect(await rowNow()).toMatchObject({ Lease: theirs })
  })

  describe('of a run from the landing to the lake', () => {
    let lab: Lab
    let ports: Ports
    const path = () => `${lab.ports.landing.place}sales/items/`
    const items = { schema: 'sales', table: 'items' }

    beforeEach(async () => {
      lab = await openLab()
      ports = { ...lab.ports, state: bench().store({ landingPlace: lab.ports.landing.place }) }
      await lab.land('sales/items/LOAD00000001.parquet', `select 1 as id, 'a' as name`)
      await lab.run({ ports })
      await ports.state.update(items, { set: { ActiveFlag: 'true', PrimaryKey: 'id' } }, {})
      return () => lab.close()
    })
    const change = (file: string) => lab.land(`sales/items/${file}`, `select 'U' as Op, 1 as id, '${file}' as name`)
    const itemNow = async () => (await ports.state.get(items))?.row
    const mirrored = (version: number, cursor: string) => ({
      Version: version,
      LastIncrementalFile: `${path()}${cursor}`,
      MirroredIncrementalFile: `${path()}${cursor}`,
      Rows: 1,
    })

    it.each(lostFaults)('leaves the log mirrored and no lease, though every write ends "%s" first', async (fault) => {
      const { proxy } = bench()
      const everyFirst = Array.from({ length: 20 }, () => [fault, 'none'] as const).flat()
      proxy.fail('UpdateItem', everyFirst)
      expect(await lab.runOne('sales.items', { ports })).toMatchObject({ status: 'initial', version: 0, error: null })
      expect(await itemNow()).toMatchObject(mirrored(0, '0.parquet'))
      await change('20240612-100000000.parquet')
      expect(await lab.runOne('sales.items', { ports })).toMatchObject({ status: 'incremental', version: 1 })
      expect(await itemNow()).toMatchObject(mirrored(1, '20240612-100000000.parquet'))
      expect((await itemNow())?.Lease).toBeUndefined()
      proxy.fail('UpdateItem', [])
      expect(await lab.runOne('sales.items', { ports })).toMatchObject({ status: 'idle' })
      expect(await lab.rows('sales.items')).toEqual([{ id: 1, name: '20240612-100000000.parquet' }])
    })

    it('is kept and released where an operator saves the item during the run', async () => {
      const saved: StateStore = {
        ...ports.state,
        async update(id, given, condition) {
          const outcome = await ports.state.update(id, given, condition)
          const lease = given.set?.Lease as Lease | undefined
          if (lease !== undefined) await saveLease(path(), { ...lease, expiresMs: lease.expiresMs - 5_000 })
          return outcome
        },
      }
      const report = await lab.runOne('sales.items', { ports: { ...ports, state: saved } })
      expect(report).toMatchObject({ status: 'initial', version: 0, warnings: [] })
      expect(await itemNow()).toMatchObject(mirrored(0, '0.parquet'))
      expect((await itemNow())?.Lease).toBeUndefined()
    })

    it('of ten runs at once is held by one at a time, and the table is right when they have ended', async () => {
      await change('20240612-100000000.parquet')
      const reports = await Promise.all(Array.from({ length: 10 }, () => lab.runOne('sales.items', { ports })))
      const working = reports.filter(({ status }) => status === 'initial')
      expect(working).toHaveLength(1)
      const others = reports.filter(({ status }) => status !== 'initial')
      for (const report of others) expect(report).toMatchObject({ status: 'idle', error: null })
      expect(await lab.rows('sales.items')).toEqual([{ id: 1, name: '20240612-100000000.parquet' }])
      expect(await itemNow()).toMatchObject(mirrored(1, '20240612-100000000.parquet'))
    })
  })
})
