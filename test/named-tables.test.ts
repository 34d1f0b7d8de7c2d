import { describe, expect } from 'vitest'
import { planTables } from '../src/controller/plan-tables.ts'
import { tableHistory } from '../src/controller/table-history.ts'
import { verifyTables } from '../src/controller/verify-tables.ts'
import { whyKey } from '../src/controller/why-key.ts'
import type { TableId } from '../src/domain.ts'
import type { Lab } from './support/lab.ts'
import { test } from './support/lab-test.ts'

const id = { schema: 's', table: 't' }
const ofDms = { schema: 's', table: 'awsdms_status' }
const landLoad = (lab: Lab, { schema, table }: TableId) =>
  lab.land(`${schema}/${table}/LOAD00000001.parquet`, 'select 1 as id')

describe('a table that landed and has no row yet', () => {
  const looks = {
    plan: ({ ports }) => planTables(ports, []),
    'plan --table': ({ ports }) => planTables(ports, [id]),
    'plan --table, of one that landed after the discovery': (lab) =>
      planTables({ ...lab.ports, landing: landingOnceDiscovered(lab) }, [id]),
    'verify --table': ({ ports }) => verifyTables(ports, [id]),
    history: ({ ports }) => tableHistory(ports, id),
    why: ({ ports }) => whyKey(ports, id, ['1']).catch((error) => expect(error.message).toContain('s.t')),
  } satisfies Record<string, (lab: Lab) => Promise<unknown>>

  for (const [command, look] of Object.entries(looks))
    test(`is left without one by ${command}`, async ({ lab }) => {
      if (!command.includes('after')) await landLoad(lab, id)
      await look(lab)
      expect(await lab.ports.state.list()).toEqual([])
    })

  test('is planned as inactive', async ({ lab }) => {
    await landLoad(lab, id)
    expect(await planTables(lab.ports, [id])).toMatchObject([{ table: 's.t', work: 'inactive', inputs: [] }])
  })

  test('gets one, inactive, by a run of it, and by set', async ({ lab }) => {
    const other = { schema: 's', table: 'other' }
    await Promise.all([id, other].map((one) => landLoad(lab, one)))
    expect(await lab.run({ tables: [id] })).toMatchObject([{ table: 's.t', status: 'inactive' }])
    await lab.set('s.other', { primaryKey: 'id' })
    expect(await lab.ports.state.list()).toMatchObject([
      { id: other, row: { ActiveFlag: 'false', PrimaryKey: 'id' } },
      { id, row: { ActiveFlag: 'false' } },
    ])
  })
})

describe('a table of DMS’s own', () => {
  const commands = {
    plan: ({ ports }) => planTables(ports, [ofDms]),
    run: (lab) => lab.run({ tables: [ofDms] }),
    set: (lab) => lab.set('s.awsdms_status', { active: true }),
    verify: ({ ports }) => verifyTables(ports, [ofDms]),
  } satisfies Record<string, (lab: Lab) => Promise<unknown>>

  for (const [command, ask] of Object.entries(commands))
    test(`is none to ${command}`, async ({ lab }) => {
      await landLoad(lab, ofDms)
      await expect(ask(lab)).rejects.toThrow('there is no table s.awsdms_status in the landing or the state')
      expect(await lab.ports.state.list()).toEqual([])
    })
})

/** A landing in which the table appears when it is looked for by its name. */
function landingOnceDiscovered(lab: Lab): Lab['ports']['landing'] {
  const { landing } = lab.ports
  return {
    ...landing,
    async list(asked) {
      if (asked.prefix === 's/t/') await landLoad(lab, id)
      return landing.list(asked)
    },
  }
}
