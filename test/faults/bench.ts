import { runCycle } from '../../src/controller/run-cycle.ts'
import { setTables } from '../../src/controller/set-table.ts'
import { literal } from '../../src/engine/sql.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import type { Ports } from '../../src/ports.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import type { SetOptions } from '../../src/state/row.ts'
import type { StateRow } from '../../src/state/state-store.ts'
import type { Change, Row } from '../support/oracle.ts'
import { type Cell, rowsOf } from '../support/rows-of.ts'
import type { KnownHistory } from './known-history.ts'
import type { RememberingEngine } from './remembering-engine.ts'
import { id, type World } from './world.ts'

/** A world and what is known of its table: the means to bring it to where a scenario begins. */
export type Bench = {
  readonly world: World
  readonly history: KnownHistory
  /** Lands a Parquet file at a key below the table; with a first column `Op` it holds changes. */
  land(key: string, types: Types, rows: Cells): Promise<void>
  /** Puts a file into the table's lake folder as the job before this one left it. */
  leave(name: string, types: Types, rows: Cells): Promise<void>
  /** Puts a file of a fresh full load where `freshLoad` finds it. */
  unload(types: Types, rows: Cells): Promise<void>
  /** Takes all landing files of the table away; what it returns brings them back. */
  vanish(): Promise<() => Promise<void>>
  set(options: SetOptions): Promise<void>
  run(ports?: Ports): Promise<TableReport>
  /** The row as an operator sees it in the console, and changes it there; `undefined` takes an attribute away. */
  row(): Promise<StateRow>
  edit(change: StateRow): Promise<void>
  wait(ms: number): Promise<void>
}

export type Types = Readonly<Record<string, string>>
export type Cells = readonly (readonly Cell[])[]

export function benchOf(world: World, engine: RememberingEngine, history: KnownHistory): Bench {
  const row = async () => (await world.ports.state.get(id))?.row ?? {}
  return {
    world,
    history,
    async land(key, types, rows) {
      const path = `${id.schema}/${id.table}/${key}`
      const body = await parquetOf(engine, types, rows)
      await world.ports.landing.put(path, body, { kind: 'any' })
      history.land(key, changesOf(types, rows))
    },
    async leave(name, types, rows) {
      const body = await parquetOf(engine, types, rows)
      await world.ports.lake.put(`${id.schema}/${id.table}/${name}`, body, { kind: 'any' })
    },
    async unload(types, rows) {
      await world.ports.landing.put(freshKey, await parquetOf(engine, types, rows), { kind: 'any' })
    },
    async vanish() {
      const { landing } = world.ports
      const gone = [...world.landing].filter(([key]) => key.startsWith(`${id.schema}/${id.table}/`))
      await landing.deleteMany(gone.map(([key]) => key))
      return async () => {
        for (const [key, { body }] of gone) await landing.put(key, body, { kind: 'any' })
      }
    },
    set: async (options) => {
      await setTables(world.ports, 's.t', options)
    },
    run: (ports = world.ports) => runTable(ports),
    row,
    async edit(change) {
      const gone = Object.keys(change).filter((attribute) => change[attribute] === undefined)
      const set = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
      await world.ports.state.update(id, { set, remove: gone }, {})
    },
    wait: (ms) => world.time.pass(ms),
  }
}

/** No table's: discovery wants a schema and a table. */
const freshKey = 'fresh/LOAD00000001.parquet'

/** A fresh full load as `reconcile` reads it: no port of a run's, but its calls are calls all the same. */
export function freshLoad({ landing }: Ports): ObjectStore {
  const folder = 'fresh/'
  return {
    ...landing,
    async list({ prefix, ...options }) {
      const { objects, ...page } = await landing.list({ ...options, prefix: `${folder}${prefix}` })
      return { ...page, objects: objects.map((found) => ({ ...found, key: found.key.slice(folder.length) })) }
    },
    fetch: (key, options) => landing.fetch(`${folder}${key}`, options),
  }
}

/** One cycle over the table alone. */
export async function runTable(ports: Ports): Promise<TableReport> {
  const { tables } = await runCycle(ports, { tables: [id], concurrency: 1 })
  return tables[0] as TableReport
}

const operations = ['I', 'U', 'D']

/** What rows of a landing file mean. From the first that is no change on, a file means nothing. */
export function changesOf(types: Types, rows: Cells): readonly Change[] {
  const columns = Object.keys(types)
  const changes = rows.map((cells) => {
    const row: Row = Object.fromEntries(columns.map((column, at) => [column, textOf(cells[at] ?? null)]))
    const { Op: op = 'I', ...data } = row
    return { op: op as Change['op'], row: data }
  })
  const bad = changes.findIndex(({ op }) => !operations.includes(op))
  return bad < 0 ? changes : changes.slice(0, bad)
}

const textOf = (cell: Cell) => (cell === null ? null : String(cell))

async function parquetOf(engine: RememberingEngine, types: Types, rows: Cells): Promise<Uint8Array> {
  const session = await engine.openSession()
  const path = await session.scratchPath('landed.parquet')
  await session.run(`copy (${rowsOf(types, rows)}) to ${literal(path)} (format parquet, compression snappy)`)
  const body = await engine.bytesOf(path)
  await session.close()
  return body
}
