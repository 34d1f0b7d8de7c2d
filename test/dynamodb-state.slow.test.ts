import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb'
import { expect, it } from 'vitest'
import { readConfig, readMirror } from '../src/state/row.ts'
import type { StateItem } from '../src/state/state-store.ts'
import { describeDynamodb, landingPlace, orders, ordersPath } from './support/dynamodb-bench.ts'

await describeDynamodb('the state', (bench) => {
  const putMany = async (paths: readonly string[], note: string) => {
    const { raw, tableName } = bench()
    for (let i = 0; i < paths.length; i += 25) {
      const puts = paths
        .slice(i, i + 25)
        .map((one) => ({ PutRequest: { Item: { path: { S: one }, note: { S: note } } } }))
      await raw.send(new BatchWriteItemCommand({ RequestItems: { [tableName]: puts } }))
    }
  }

  it('lists 1,500 rows over several pages, and none of another landing', async () => {
    const { state, proxy } = bench()
    const own = Array.from({ length: 1_500 }, (_, i) => `${landingPlace}s${i % 7}/t${i}/`)
    await putMany(own, 'x'.repeat(2_000))
    await putMany(
      [
        'landing-bucket/dms-other/s/t/',
        'landing-bucket/s/t/',
        'other-bucket/dms/s/t/',
        `${landingPlace}s/`,
        `${landingPlace}s/t`,
        `${landingPlace}s/t/deeper/`,
        `${landingPlace}/t/`,
        landingPlace,
      ],
      '',
    )
    expect((await state.list()).map((item) => item.path)).toEqual([...own].sort())
    expect(proxy.calls.length).toBeGreaterThan(1)
  })

  it("takes the original's rows as they are, and leaves what it does not know untouched", async () => {
    const { state, putRaw, getRaw } = bench()
    const original = {
      path: { S: ordersPath },
      bucket: { S: 'landing-bucket' },
      prefix: { S: 'dms/sales/' },
      folder: { S: 'orders/' },
      PrimaryKey: { S: 'id,line' },
      PartitionKey: { S: 'null' },
      LastFullLoadDate: { S: '2018-11-27 12:34:56' },
      LastIncrementalFile: { S: `${ordersPath}20181127-134013478.parquet` },
      ActiveFlag: { S: 'true' },
    }
    const strange = {
      Tags: { SS: ['a', 'b'] },
      Counts: { NS: ['1', '2.5'] },
      Blob: { B: new Uint8Array([0, 255]) },
      Huge: { N: '12345678901234567890123456789' },
      Precise: { N: '0.1234567890123456789' },
      'odd.name': { M: { list: { L: [{ NULL: true }, { BOOL: false }] } } },
    }
    await putRaw({ ...original, ...strange })

    const item = (await state.get(orders)) as StateItem
    expect(await state.list()).toEqual([item])
    expect(readConfig(item, { lakePlace: 'lake-bucket/lake/' })).toMatchObject({
      id: orders,
      active: true,
      primaryKey: ['id', 'line'],
      partitionKey: [],
      outPlace: 'lake-bucket/lake/orders/',
    })
    expect(readMirror(item)).toMatchObject({
      version: null,
      lastFullLoadDate: '2018-11-27 12:34:56',
      lastIncrementalFile: `${ordersPath}20181127-134013478.parquet`,
    })

    expect(await state.update(orders, { set: { Version: 3 }, remove: ['bucket'] }, item.row ?? {})).toBe('updated')
    const { bucket: _, ...kept } = original
    expect(await getRaw()).toEqual({ ...kept, ...strange, Version: { N: '3' } })
  })

  it('reads ActiveFlag as a boolean too, and out_path where there is one', async () => {
    const { state, putRaw } = bench()
    await putRaw({
      path: { S: ordersPath },
      ActiveFlag: { BOOL: true },
      PrimaryKey: { S: 'id' },
      folder: { S: 'orders/' },
      out_path: { S: 's3://other-lake/x' },
    })
    const config = readConfig((await state.get(orders)) as StateItem, { lakePlace: 'lake-bucket/lake/' })
    expect(config).toMatchObject({ active: true, outPlace: 'other-lake/x/orders/' })
  })

  it('names attributes that are reserved words or hold signs', async () => {
    const { state } = bench()
    const odd = { size: 1, 'a.b': 'x', '#': { values: [1] }, ':v': null, 'ü b': '', Lease: { 'x.y': 1 } }
    await state.register(orders, { path: ordersPath, ...odd })
    expect(
      await state.update(orders, { set: { ...odd, name: 'n', count: undefined } }, { ...odd, name: undefined }),
    ).toBe('updated')
    expect(await state.update(orders, { remove: Object.keys(odd), set: { size: 2 } }, { name: 'n' })).toBe('updated')
    expect((await state.get(orders))?.row).toEqual({ path: ordersPath, name: 'n', size: 2 })
  })

  it('checks a condition without changing anything', async () => {
    const { state } = bench()
    expect(await state.update(orders, {}, {})).toBe('condition-failed')
    await state.register(orders, { path: ordersPath, a: 1 })
    expect(await state.update(orders, {}, { a: 1 })).toBe('updated')
    expect(await state.update(orders, {}, { a: 2 })).toBe('condition-failed')
    expect((await state.get(orders))?.row).toEqual({ path: ordersPath, a: 1 })
  })

  it('reads consistently', async () => {
    const { state, proxy } = bench()
    await state.get(orders)
    await state.list()
    expect(proxy.calls).toMatchObject([
      { operation: 'GetItem', input: { ConsistentRead: true } },
      { operation: 'Scan', input: { ConsistentRead: true } },
    ])
  })
})
