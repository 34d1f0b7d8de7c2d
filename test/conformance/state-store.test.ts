import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tableName } from '../../src/domain.ts'
import { fileState } from '../../src/state/file-state.ts'
import { memoryState, type RowTexts } from '../../src/state/memory-state.ts'
import { describeStateStore } from './state-store.ts'

const landingPlace = '/landing/'
const orders = { schema: 'sales', table: 'orders' }

describeStateStore('file', async (scratch) => {
  const dir = join(scratch, 'state')
  return {
    store: fileState({ dir, landingPlace }),
    landingPlace,
    lose: (id) => rm(join(dir, id.schema, `${id.table}.json`)),
    damage: (id) => writeFile(join(dir, id.schema, `${id.table}.json`), '{"ActiveFlag": "true",'),
  }
})

describeStateStore('memory', async () => {
  const rows: RowTexts = new Map()
  return {
    store: memoryState({ landingPlace, rows }),
    landingPlace,
    lose: async (id) => void rows.delete(tableName(id)),
    damage: async (id) => void rows.set(tableName(id), { id, text: '["no", "object"]' }),
  }
})

describe('file state', () => {
  let dir: string
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'dmscdc-state-'))
  })
  afterEach(() => rm(dir, { recursive: true, force: true }))

  const racer = (...args: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'state-racer.ts'), dir, ...args], {
      stdio: 'inherit',
    })

  it('is one file a row, to be read and edited by hand', async () => {
    const state = fileState({ dir, landingPlace })
    await state.register(orders, { path: '/landing/sales/orders/', PrimaryKey: 'null' })
    const path = join(dir, 'sales/orders.json')
    expect(await readFile(path, 'utf8')).toBe('{\n  "path": "/landing/sales/orders/",\n  "PrimaryKey": "null"\n}\n')
    await writeFile(path, '\uFEFF{"PrimaryKey":"id","path":"/landing/sales/orders/"}')
    await state.update(orders, { set: { Version: 1 } }, { PrimaryKey: 'id' })
    expect(await readFile(path, 'utf8')).toBe(
      '{\n  "PrimaryKey": "id",\n  "path": "/landing/sales/orders/",\n  "Version": 1\n}\n',
    )
  })

  it('takes nothing but rows for rows', async () => {
    const state = fileState({ dir, landingPlace })
    await state.register(orders, {})
    await mkdir(join(dir, 'sales/deeper'))
    for (const name of [
      'sales/orders.json~',
      'sales/.orders.json.swp',
      'top.json',
      'sales/deeper/x.json',
      'sales/.json',
    ]) {
      await writeFile(join(dir, name), '{}')
    }
    expect((await state.list()).map((item) => item.id)).toEqual([orders])
  })

  it('loses no update of two processes', async () => {
    const state = fileState({ dir, landingPlace })
    await state.register(orders, { n: 0 })
    const racers = [racer('60'), racer('60')]
    const codes = await Promise.all(racers.map(async (process) => (await once(process, 'exit'))[0]))
    expect([codes, (await state.get(orders))?.row, await readdir(join(dir, 'sales'))]).toEqual([
      [0, 0],
      { n: 120 },
      ['orders.json'],
    ])
  })

  it('is whole after a writer was killed, and free for the next within seconds', async () => {
    const state = fileState({ dir, landingPlace })
    await state.register(orders, { n: 0 })
    for (let i = 1; i <= 3; i++) {
      const writer = racer('1', 'forever')
      while ((await state.get(orders))?.row?.n !== i) await sleep(10)
      await sleep(50)
      writer.kill('SIGKILL')
      await once(writer, 'exit')
      const startedMs = performance.now()
      expect(await state.update(orders, { set: { after: i } }, { n: i })).toBe('updated')
      expect(performance.now() - startedMs).toBeLessThan(5_000)
      expect((await state.list()).map((item) => item.id)).toEqual([orders])
    }
  })
})
