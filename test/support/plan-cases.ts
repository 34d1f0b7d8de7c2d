import { replayFile } from '../../src/controller/landing-commands.ts'
import { restoreTable } from '../../src/controller/restore-table.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import type { SetOptions } from '../../src/state/row.ts'
import { nameOf, type PlanBed } from './plan-bed.ts'
import { editRow } from './row-file.ts'

const id = { schema: 's', table: 't' }

export type Step = {
  readonly what: string
  readonly begin: (bed: PlanBed) => Promise<unknown>
  readonly ends: TableReport['status']
}

/** Histories of one table each, step by step; each step is planned and run. */
export const planCases: Readonly<Record<string, readonly Step[]>> = {
  'a keyed table': [
    load({ primaryKey: 'id' }),
    change('tiny', 'U', 'range(5)', `'tiny' as v`),
    change('random updates', 'U', 'range(1, 4000, 7)', `'random' as v`),
    change('inserts', 'I', 'range(5000, 5600)'),
    change('deletions alone', 'D', 'range(10, 60)'),
    change('nothing that differs', 'U', 'range(100, 150)'),
    change('a wider type', 'U', 'range(200, 210)', '7::bigint as n'),
    step('a new column', ({ landNext }) =>
      landNext(`select *, 'more' as extra from (${changes('U', 'range(200, 210)')})`),
    ),
    step('a late file', ({ land }) => land(nameOf(0), changes('U', 'range(9)', `'late' as v`))),
    change('the commit after which a checkpoint is due', 'U', 'range(3)', `'next' as v`),
    change('the commit after that', 'U', 'range(3)', `'after' as v`),
    idleStep('nothing at all', async () => {}),
    step('an edited cursor', ({ lab, ports }) =>
      editRow(lab, { LastIncrementalFile: `${ports.landing.place}s/t/${nameOf(5)}` }),
    ),
    step('a replay', ({ ports }) => replayFile(ports, id, nameOf(2))),
    idleStep('what a run left behind when it died', async ({ lab, ports }) => {
      await ports.lake.put('_dmscdc/s/t/staging/T/part-1.parquet', Buffer.from('staged'), { kind: 'any' })
      const lease = { runId: 'R', txnId: null, ...ports.holder.self, epoch: 99, expiresMs: 1 }
      await editRow(lab, { Lease: lease, LeaseEpoch: 99 })
    }),
    step('another key', ({ set }) => set({ primaryKey: 'id,v' })),
    {
      what: 'a reload and changes',
      ends: 'initial',
      async begin({ land }) {
        await land('LOAD00000001.parquet', `${rows('range(100)')} order by id desc`)
        await land(nameOf(0, '2099'), changes('D', 'range(3)'))
      },
    },
    {
      what: 'a file that another cannot be merged with',
      ends: 'held',
      async begin({ land }) {
        await land(nameOf(1, '2099'), changes('I', 'range(300, 301)'))
        await land(nameOf(2, '2099'), changes('I', 'range(3)', `'no number' as n`))
      },
    },
  ],
  'a load and its changes at once': [
    {
      what: 'both',
      ends: 'initial',
      async begin(bed) {
        await load({ primaryKey: 'id' }).begin(bed)
        await bed.landNext(changes('D', 'range(40)'))
      },
    },
  ],
  'a table of partitions': [
    load({ primaryKey: 'id', partitionKey: 'p' }),
    change('rows that move', 'U', 'range(0, 30, 3)', `'p2' as p`),
    change('rows that go to a new partition', 'U', 'range(2)', `'new' as p`),
    step('another partition key', ({ set }) => set({ partitionKey: 'n' })),
  ],
  'a table without a key': [
    load({}),
    change('an append', 'I', 'range(6000, 6010)'),
    change('what is ignored', 'U', 'range(3)'),
    { ...step('a replay', ({ ports }) => replayFile(ports, id, nameOf(1))), ends: 'initial' },
  ],
  'a table with a sequence': [
    load({ primaryKey: 'id', sequenceColumn: 'n' }),
    change('deletions that are remembered', 'D', 'range(7)'),
    change('what comes too late', 'I', 'range(7)', '-1 as n'),
  ],
  'a table with every view': [
    load({ primaryKey: 'id', partitionKey: 'p', publish: 'delta,manifest,glue' }),
    ...updates(9),
    idleStep('the views off', ({ set }) => set({ publish: '' })),
    idleStep('one view on', ({ set }) => set({ publish: 'delta' })),
    change('a batch after that', 'D', 'range(500, 520)'),
  ],
  'a table that keeps what was superseded': [
    load({ primaryKey: 'id', retain: '7d' }),
    ...updates(2),
    step('a restore, and on from there', async ({ ports, set }) => {
      await restoreTable(ports, id, { version: 0, keepProgress: false })
      await set({ active: true })
    }),
    idleStep('no longer', ({ set }) => set({ retain: '0' })),
    change('a batch after that', 'D', 'range(500, 520)'),
  ],
  'a landing that is cleared': [
    load({ primaryKey: 'id', landed: 'archive:_taken/' }),
    ...[1, 2, 3, 4].map((month) =>
      step(`month ${String(month)}`, ({ land }) =>
        land(nameOf(1, `20240${String(month)}`), changes('I', `range(${String(7000 + month)}, 7010)`)),
      ),
    ),
  ],
}

function load(options: SetOptions): Step {
  return {
    what: 'the load',
    ends: 'initial',
    async begin({ land, set }) {
      await land('LOAD00000001.parquet', rows('range(4000)'))
      await set({ active: true, ...options })
    },
  }
}

/** A file later than all before. */
function change(what: string, op: 'I' | 'U' | 'D', ids: string, replaced?: string): Step {
  return step(what, ({ landNext }) => landNext(changes(op, ids, replaced)))
}

function updates(files: number): readonly Step[] {
  const update = (at: number) => change(`update ${String(at)}`, 'U', 'range(3, 4000, 500)', `'step ${String(at)}' as v`)
  return Array.from({ length: files }, (_, at) => update(at))
}

function step(what: string, begin: Step['begin']): Step {
  return { what, begin, ends: 'incremental' }
}

function idleStep(what: string, begin: Step['begin']): Step {
  return { what, begin, ends: 'idle' }
}

/** `ids`: a table function of one column. */
function changes(op: 'I' | 'U' | 'D', ids: string, replaced?: string): string {
  return `select '${op}' as "Op", * ${replaced === undefined ? '' : `replace (${replaced})`} from (${rows(ids)})`
}

function rows(ids: string): string {
  return `select id::integer as id, 'p' || id % 3 as p, (id % 5)::integer as n, 'value ' || id as v, md5(id::varchar) as wide from ${ids} as r(id)`
}
