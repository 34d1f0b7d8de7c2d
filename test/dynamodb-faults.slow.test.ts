import { expect, it } from 'vitest'
import { describeDynamodb, orders, ordersPath } from './support/dynamodb-bench.ts'
import type { Fault } from './support/dynamodb-faults.ts'

await describeDynamodb('the state in bad weather', (bench) => {
  it('does not wait for an answer that never comes', async () => {
    const { state, proxy } = bench()
    await state.register(orders, { path: ordersPath, n: 1 })
    for (const operation of ['GetItem', 'UpdateItem']) proxy.fail(operation, ['hang'])
    const startedMs = performance.now()
    const answers = [state.get(orders), state.update(orders, { set: { n: 2 } }, { n: 1 })]
    expect(await Promise.all(answers)).toMatchObject([{ id: orders }, 'updated'])
    expect(performance.now() - startedMs).toBeLessThan(15_000)
  })

  const survived: Fault[] = ['throttled', 'server-error', 'request-lost', 'answer-lost', 'answer-cut', 'error-after']
  it.each(survived)('survives twice the fault "%s" in each of its calls, and writes once', async (fault) => {
    const { state, proxy } = bench()
    for (const operation of ['GetItem', 'Scan', 'PutItem', 'UpdateItem']) proxy.fail(operation, [fault, fault])
    expect(await state.register(orders, { path: ordersPath, n: 1 })).toBe('registered')
    expect(await state.update(orders, { set: { n: 2, by: 'me' }, remove: ['none'] }, { n: 1 })).toBe('updated')
    expect((await state.list()).map((item) => item.row)).toEqual([{ path: ordersPath, n: 2, by: 'me' }])
    proxy.fail('UpdateItem', [fault])
    expect(await state.update(orders, {}, { n: 2 })).toBe('updated')
    expect(await state.register(orders, { path: ordersPath, n: 9 })).toBe('exists')
    expect((await state.get(orders))?.row).toEqual({ path: ordersPath, n: 2, by: 'me' })
  })

  it.each(['throttled', 'server-error', 'request-lost'] as const)(
    'does not call a row absent where reads end "%s"',
    async (fault) => {
      const { proxy, tableName, store } = bench()
      for (const operation of ['GetItem', 'Scan']) proxy.fail(operation, [fault], { forever: true })
      const unavailable = { kind: 'unavailable', maybeApplied: false, message: expect.stringContaining(tableName) }
      await expect(store({ patienceMs: 300 }).get(orders)).rejects.toMatchObject(unavailable)
      await expect(store({ patienceMs: 300 }).list()).rejects.toMatchObject(unavailable)
      for (const operation of ['GetItem', 'Scan']) proxy.fail(operation, [])
    },
  )

  it('says of a write that failed for good whether it may have been applied', async () => {
    const { state, proxy, store } = bench()
    await state.register(orders, { path: ordersPath, n: 1 })
    for (const [fault, maybeApplied] of [
      ['throttled', false],
      ['answer-lost', true],
      ['error-after', true],
    ] as const) {
      proxy.fail('UpdateItem', [fault], { forever: true })
      const write = store({ patienceMs: 300 }).update(orders, { set: { n: 1 } }, {})
      await expect(write, fault).rejects.toMatchObject({ kind: 'unavailable', maybeApplied })
    }
    proxy.fail('UpdateItem', ['answer-lost', 'refused'])
    await expect(state.update(orders, { set: { n: 2 } }, {})).rejects.toMatchObject({
      kind: 'invalid-config',
      maybeApplied: true,
    })
  })

  it('does not claim a change that another made when the answer was lost', async () => {
    const { state, proxy } = bench()
    await state.register(orders, { path: ordersPath, holder: 'other' })
    proxy.fail('UpdateItem', ['request-lost'])
    await expect(state.update(orders, { set: { holder: 'me' } }, { holder: undefined })).rejects.toMatchObject({
      kind: 'unavailable',
      maybeApplied: true,
      message: expect.stringContaining('sales.orders'),
    })
    proxy.fail('UpdateItem', ['throttled'])
    expect(await state.update(orders, { set: { holder: 'me' } }, { holder: undefined })).toBe('condition-failed')
    proxy.fail('PutItem', ['request-lost'])
    expect(await state.register(orders, { path: ordersPath, holder: 'me' })).toBe('exists')
  })
})
