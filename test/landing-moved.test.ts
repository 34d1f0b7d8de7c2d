import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import type { Ports } from '../src/ports.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'

const load = 's/t/LOAD00000001.parquet'
const first = 'select 1::bigint as id, 1 as v'
const second = 'select 2::bigint as id, 2 as v'

/** The lab's ports, where something happens to the landing before or after a file is fetched. */
function meanwhile(lab: Lab, when: 'before' | 'after', happens: (key: string) => Promise<unknown>): Ports {
  const { landing } = lab.ports
  return {
    ...lab.ports,
    landing: {
      ...landing,
      async fetch(key, options) {
        if (when === 'before') await happens(key)
        const copy = await landing.fetch(key, options)
        if (when === 'after') await happens(key)
        return copy
      },
    },
  }
}

async function onboard(lab: Lab): Promise<void> {
  await lab.land(load, first)
  await lab.run()
  await lab.set('s.t', { active: true, primaryKey: 'id' })
}

describe('a landing file that DMS touches while a run reads it', () => {
  test('and that is gone then is no damage and no defect', async ({ lab }) => {
    await onboard(lab)
    const ports = meanwhile(lab, 'after', (key) => rm(join(lab.landing, key)))
    expect((await lab.runOne('s.t', { ports })).error).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('it was listed and is gone now'),
    })
    await lab.land(load, second)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await lab.rows('s.t')).toEqual([{ id: '2', v: 2 }])
  })

  test('is no damage where only half of it is there by then', async ({ lab }) => {
    await onboard(lab)
    const ports = meanwhile(lab, 'after', () => lab.landBytes(load, 'PAR1 and no more'))
    expect((await lab.runOne('s.t', { ports })).error).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('it was written again since it was listed'),
    })
    expect((await lab.runOne('s.t')).error).toMatchObject({ kind: 'bad-landing' })
  })

  test('and that is gone when its rows are looked at is no defect', async ({ lab }) => {
    await onboard(lab)
    const engine = await lab.ports.engine()
    const ports = {
      ...lab.ports,
      engine: async () => ({
        ...engine,
        async openSession() {
          const session = await engine.openSession()
          const run = async (sql: string) => {
            if (sql.includes('temp view changes')) await rm(join(lab.landing, load))
            await session.run(sql)
          }
          return { ...session, run }
        },
      }),
    }
    expect((await lab.runOne('s.t', { ports })).error).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('it was listed and is gone now'),
    })
  })

  test('is not taken under the name of what was listed', async ({ lab }) => {
    await onboard(lab)
    const ports = meanwhile(lab, 'before', () => lab.land(load, second))
    const report = await lab.runOne('s.t', { ports })
    expect(report).toMatchObject({ version: null, error: { kind: 'unavailable' } })
    expect(report.error?.message).toContain('it was written again since it was listed')
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', version: 0 })
    expect(await lab.rows('s.t')).toEqual([{ id: '2', v: 2 }])
    expect((await lab.runOne('s.t')).status).toBe('idle')
  })

  test('leaves the change files before it applied', async ({ lab }) => {
    await onboard(lab)
    await lab.runOne('s.t')
    await lab.land('s/t/20240101-000000001.parquet', `select 'I' as "Op", 3::bigint as id, 3 as v`)
    await lab.land('s/t/20240101-000000002.parquet', `select 'I' as "Op", 4::bigint as id, 4 as v`)
    const ports = meanwhile(lab, 'after', async (key) => {
      if (key.endsWith('2.parquet')) await rm(join(lab.landing, key))
    })
    const report = await lab.runOne('s.t', { ports })
    expect(report).toMatchObject({ files: 1, changes: { inserted: 1 } })
    expect((await lab.rows('s.t')).map(({ id }) => id)).toEqual(['1', '3'])
  })

  test('as CSV is no defect either', async ({ lab }) => {
    await lab.landBytes('s/c/LOAD00000001.csv', '1,a\n')
    await lab.run()
    await lab.set('s.c', { active: true, primaryKey: 'id', csvColumns: 'id bigint, v string' })
    const ports = meanwhile(lab, 'after', (key) => rm(join(lab.landing, key)))
    expect((await lab.runOne('s.c', { ports })).error?.kind).toBe('unavailable')
  })
})
