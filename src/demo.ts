import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import colors from 'picocolors'
import { readConfig } from './config.ts'
import { listTables } from './controller/list-tables.ts'
import { runCycle } from './controller/run-cycle.ts'
import { setTables } from './controller/set-table.ts'
import { literal } from './engine/sql.ts'
import { DmscdcError } from './errors.ts'
import type { Ports } from './ports.ts'
import { grid, runText } from './render.ts'
import { openSystem } from './system.ts'
import { terminalLog } from './terminal-log.ts'

/** Recorded by the sample database's stand-in for DMS; lies beside `dist/` in the checkout. */
const recorded = fileURLToPath(new URL('../sample-db/recorded/', import.meta.url))

const keys: Readonly<Record<string, string>> = { product: 'id', productorder: 'id', store: 'id' }

/** The whole job in a temporary folder that stays: land, discover, onboard, load, land changes, merge, run once more. */
export async function runDemo(flags: { readonly json?: boolean; readonly verbose?: boolean }): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'dmscdc-demo-'))
  const [landing, lake, state] = ['landing', 'lake', 'state'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  await cp(join(recorded, 'load'), landing, { recursive: true })
  const log = await terminalLog({ verbose: flags.verbose ?? false, quiet: true })
  const system = await openSystem(readConfig({ landing, lake, state, temp: join(folder, 'work') }), log)
  const say = (text = '') => {
    if (!flags.json) process.stdout.write(`${text}\n`)
  }
  try {
    const runs = await tellTheStory(system.ports, { landing, lake }, say)
    if (flags.json) process.stdout.write(`${JSON.stringify({ ok: true, landing, lake, state, runs }, null, 2)}\n`)
    say(afterword(landing, lake, state))
  } finally {
    await system.close()
    log.end()
  }
}

async function tellTheStory(ports: Ports, places: { landing: string; lake: string }, say: (text?: string) => void) {
  const cycle = () => runCycle(ports, { tables: [], concurrency: 1 })
  say(step(1, 'DMS has written a full load. dmscdc finds its tables and registers them, inactive.'))
  for (const { table, candidateKeys } of await listTables(ports))
    say(`   ${table}  inactive, could have the key ${candidateKeys.map((key) => key.join(',')).join(' or ')}`)

  say(step(2, 'You onboard them: dmscdc set sampledb.product --active --primary-key id, and so on.'))
  for (const [table, key] of Object.entries(keys))
    await setTables(ports, `sampledb.${table}`, { active: true, primaryKey: key })

  say(step(3, 'dmscdc run: the first run loads.'))
  const first = await cycle()
  say(indent(runText(first)))
  expectRows(await countRows(ports, places.lake), { store: 8, product: 25, productorder: 8425 })
  const before = await products(ports, places.lake)

  say(
    step(
      4,
      'The database changes: product 1001 is renamed, 1002 deleted, 1,345 orders come in, store 1009 opens. DMS writes the changes.',
    ),
  )
  await cp(join(recorded, 'changes'), places.landing, { recursive: true })

  say(step(5, 'dmscdc run: the next run merges them, and rewrites just the files that hold a changed key.'))
  const second = await cycle()
  say(indent(runText(second)))
  say()
  say(indent(await beforeAndAfter(before, await products(ports, places.lake))))
  const rows = await countRows(ports, places.lake)
  expectRows(rows, { store: 9, product: 24, productorder: 9770 })
  say(
    indent(
      `Rows now: ${Object.entries(rows)
        .map(([table, count]) => `${table} ${count.toLocaleString('en-US')}`)
        .join(', ')}.`,
    ),
  )

  say(step(6, 'dmscdc run: nothing new has landed.'))
  const third = await cycle()
  say(
    `   ${third.tables.map(({ table, status, bytesWritten }) => `${table} ${status}, ${String(bytesWritten)} bytes written`).join('; ')}`,
  )
  return [first, second, third]
}

const step = (number: number, text: string) => `\n${colors.bold(`${String(number)}. ${text}`)}`
const indent = (text: string) =>
  text
    .split('\n')
    .map((line) => `   ${line}`)
    .join('\n')

type Product = { readonly name: string; readonly dept: string; readonly category: string }

/** Products 1001 and 1002 as any reader of the folder sees them. */
async function products(ports: Ports, lake: string): Promise<ReadonlyMap<number, Product>> {
  const rows = await query(
    ports,
    `select id, name, dept, category from ${folderOf(lake, 'product')} where id in (1001, 1002) order by id`,
  )
  return new Map(rows.map((row) => [Number(row.id), row as unknown as Product]))
}

function beforeAndAfter(before: ReadonlyMap<number, Product>, after: ReadonlyMap<number, Product>): string {
  const text = (product: Product | undefined) =>
    product ? `${product.name}, ${product.dept}, ${product.category}` : '(deleted)'
  const rows = [...before.keys()].map((id) => [String(id), text(before.get(id)), text(after.get(id))])
  return grid(['product', 'before', 'after'], rows)
}

async function countRows(ports: Ports, lake: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const table of Object.keys(keys)) {
    const [row] = await query(ports, `select count(*) as total from ${folderOf(lake, table)}`)
    counts[table] = Number(row?.total)
  }
  return counts
}

function expectRows(found: Readonly<Record<string, number>>, expected: Readonly<Record<string, number>>): void {
  for (const [table, rows] of Object.entries(expected)) {
    if (found[table] === rows) continue
    throw new DmscdcError('bug', `demo: sampledb.${table} has ${String(found[table])} rows, expected ${String(rows)}`, {
      hint: 'report this with the output of dmscdc demo --verbose',
    })
  }
}

const folderOf = (lake: string, table: string) => `read_parquet(${literal(join(lake, 'sampledb', table, '*.parquet'))})`

async function query(ports: Ports, sql: string) {
  const session = await (await ports.engine()).openSession()
  try {
    return await session.rows(sql)
  } finally {
    await session.close()
  }
}

function afterword(landing: string, lake: string, state: string): string {
  return `
${colors.bold('The lake stays for you to look at.')} It is plain Parquet; any engine reads a table's folder:
   duckdb -c "from '${lake}/sampledb/product/*.parquet'"
   python3 -c "import polars; print(polars.read_parquet('${lake}/sampledb/product/'))"
And the tool itself:
   export DMSCDC_LANDING=${landing} DMSCDC_LAKE=${lake} DMSCDC_STATE=${state}
   bin/dmscdc tables
   bin/dmscdc history sampledb.product
   bin/dmscdc verify`
}
