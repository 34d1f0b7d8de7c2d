import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { listTables } from '../../src/controller/list-tables.ts'
import { planTables } from '../../src/controller/plan-tables.ts'
import { DmscdcError, UsageError } from '../../src/errors.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { type Random, seededRandom } from '../e2e/seeded-random.ts'
import { bad, good, type Hostile, type Target } from './case.ts'
import { lakeHolds, rowsOf } from './lake-rows.ts'
import { parquetOf } from './parquet-bytes.ts'
import { credentialCanary, outsideCanary, rowCanary } from './planted.ts'
import { csvTarget } from './target-csv.ts'
import { landingTarget } from './target-landing.ts'
import { logTarget } from './target-log.ts'
import { namesTarget } from './target-names.ts'
import { rowTarget } from './target-row.ts'
import { type Base, fingerprint, openWorld, type StoreKind, type World } from './world.ts'

export const targets: Readonly<Record<string, Target>> = {
  landing: landingTarget,
  csv: csvTarget,
  names: namesTarget,
  row: rowTarget,
  log: logTarget,
}

export type CaseResult = { readonly label: string; readonly outcome: string; readonly findings: readonly string[] }

/** One case from its seed: a world with two loaded tables, something hostile done to one of them, three runs, and what must be so all along. */
export function runCase(targetName: string, seed: number): Promise<CaseResult> {
  return runTarget(targets[targetName] as Target, seededRandom(seed))
}

export async function runTarget(target: Target, random: Random): Promise<CaseResult> {
  const kind = random.pick(target.stores)
  const world = await openWorld(kind, await baseOf(kind))
  const findings: string[] = []
  const judge: Judge = (what, holds, found = '') => {
    if (!holds) findings.push(`${what}${found === '' ? '' : `: ${found.slice(0, 600)}`}`)
  }
  try {
    const hostile = await target.prepare(world, random)
    const outcome = await judged(world, hostile, judge)
    return { label: `${world.kind}: ${hostile.label}`, outcome, findings }
  } finally {
    await world.close()
  }
}

type Judge = (what: string, holds: boolean, found?: string) => void

const loaded = await (async () => ({
  load: await parquetOf(`select range::integer as id, '${rowCanary}' || range as v from range(1, 6)`),
  change: await parquetOf(`select 'U' as "Op", 1::integer as id, '${rowCanary}changed' as v`),
  next: await parquetOf(`select 'I' as "Op", 9::integer as id, '${rowCanary}next' as v`),
}))()

const baseRows = [`1|${rowCanary}changed`, ...[2, 3, 4, 5].map((id) => `${String(id)}|${rowCanary}${String(id)}`)]
const nextRows = [...baseRows, `9|${rowCanary}next`]

const bases = new Map<StoreKind, Promise<Base>>()

/** Made once in a process, by the first case that needs it. */
function baseOf(kind: StoreKind): Promise<Base> {
  const made = bases.get(kind) ?? makeBase(kind)
  bases.set(kind, made)
  return made
}

async function makeBase(kind: StoreKind): Promise<Base> {
  const world = await openWorld(kind)
  await loadBase(world)
  return world.keep()
}

/** The machine stood still, and a run said so: what the next one says counts. */
async function unhurried(world: World): Promise<readonly TableReport[]> {
  for (;;) {
    const reports = await world.run()
    if (!reports.some(({ error }) => error?.message.startsWith('write under a file lock'))) return reports
  }
}

async function loadBase(world: World): Promise<void> {
  for (const id of [bad, good]) {
    await world.land(`${id.schema}/${id.table}/LOAD00000001.parquet`, loaded.load)
    await world.land(`${id.schema}/${id.table}/20240101-000000001.parquet`, loaded.change)
    await world.activate(id)
  }
  const reports = await unhurried(world)
  if (reports.some(({ error }) => error !== null)) throw new Error(`the base did not load: ${JSON.stringify(reports)}`)
}

async function judged(world: World, hostile: Hostile, judge: Judge): Promise<string> {
  await world.land('good/g/20240101-000000007.parquet', loaded.next)
  const before = await fingerprint(world)
  const first = await ran(world, judge)
  judgeReports(first, judge)
  judgeGood(first, judge)
  judge(
    'good.g has other rows',
    same(await rowsOf(world, 'good/g/'), nextRows),
    JSON.stringify(await rowsOf(world, 'good/g/')),
  )
  const report = first.find(({ table }) => table === 'bad.t')
  const held = report?.error != null
  if (hostile.mustHold === true) judge('bad.t was taken, expected it held', held)
  const heldRows = await rowsOf(world, 'bad/t/')
  if (held && hostile.others !== true)
    judge('bad.t is held and has other rows', same(heldRows, baseRows), JSON.stringify(heldRows))
  judgeReports(await ran(world, judge), judge)
  await judgeCommands(world, judge)
  const readable = report?.error?.kind !== 'invalid-config'
  await judgeWorld(world, before, readable ? hostile : { ...hostile, others: true }, judge)
  if (hostile.landed.length > 0 && hostile.damagesLog !== true) await judgeRepair(world, hostile, held, judge)
  const ended = first.filter(
    ({ table }) => table !== 'good.g' && (hostile.others !== true || first.length === 2 || table !== 'bad.t'),
  )
  return [...new Set(ended.map(({ status, error }) => error?.kind ?? status))].sort().join(' and ')
}

async function ran(world: World, judge: Judge): Promise<readonly TableReport[]> {
  try {
    return await unhurried(world)
  } catch (thrown) {
    judge('the whole run ended', false, textOf(thrown))
    return []
  }
}

function judgeReports(reports: readonly TableReport[], judge: Judge): void {
  for (const { table, status, error } of reports) {
    if (error === null) continue
    judge(`${status} with a ${error.kind}`, error.kind !== 'bug' && error.kind !== 'conflict', error.message)
    const memory = error.message.includes('out of memory')
    judge('unavailable, with nothing wrong', error.kind !== 'unavailable' || memory, error.message)
    judge('an error without a message or a hint', error.message !== '' && error.hint !== '')
    judge('an error of more than 4,000 characters', error.message.length <= 4_000, table)
    judge(
      'control characters in an error',
      !/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(error.message + error.hint),
      JSON.stringify(error.message),
    )
  }
}

function judgeGood(reports: readonly TableReport[], judge: Judge): void {
  const report = reports.find(({ table }) => table === 'good.g')
  judge('good.g did not merge', report?.error === null, JSON.stringify(report))
}

/** Asking changes nothing and ends; what is wrong with one table stands in that table's line. */
async function judgeCommands(world: World, judge: Judge): Promise<void> {
  const commands = { tables: listTables, plan: (ports: World['ports']) => planTables(ports, []) }
  for (const [name, command] of Object.entries(commands)) {
    const said = await command(world.ports).then(JSON.stringify, (thrown: unknown) => {
      judge(`${name} ended`, thrown instanceof UsageError, textOf(thrown))
      return ''
    })
    judge(`${name} shows a row's value`, !said.includes(rowCanary))
    judge(`${name} shows a bug`, !said.includes('"kind":"bug"'), said)
  }
}

async function judgeWorld(
  world: World,
  before: ReadonlyMap<string, string>,
  hostile: Hostile,
  judge: Judge,
): Promise<void> {
  const after = await fingerprint(world)
  const changed = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => before.get(path) !== after.get(path),
  )
  judge('something outside was made, changed or deleted', changed.length === 0, changed.join(', '))
  judge('something outside was read into the lake', !(await lakeHolds(world, outsideCanary)))
  judge('something was run', !(await namesBelow(world.root)).some((name) => /^pwned/u.test(name)))
  const said = world.said.join('\n')
  judge("a row's value stands in the log", !said.includes(rowCanary), around(said, rowCanary))
  judge('a credential stands in the log', !said.includes(credentialCanary))
  const rows = await stateTexts(world)
  judge("a row's value stands in the state", !rows.includes(rowCanary), around(rows, rowCanary))
  const polluted = (Object.prototype as { polluted?: unknown }).polluted
  judge('the prototype of all objects was changed', polluted === undefined)
  const verdicts = await world.verify().catch((thrown: unknown) => {
    judge('verify ended', false, textOf(thrown))
    return []
  })
  for (const { table, problems } of verdicts)
    if (table === 'good.g' || (hostile.damagesLog !== true && hostile.others !== true))
      judge(`verify of ${table}`, problems.length === 0, JSON.stringify(problems))
}

/** Without the hostile files the table goes on. */
async function judgeRepair(world: World, hostile: Hostile, held: boolean, judge: Judge): Promise<void> {
  for (const key of hostile.landed) await world.unland(key)
  await hostile.undo?.(world)
  await world.land('bad/t/20240101-000000009.parquet', loaded.next)
  const report = (await ran(world, judge)).find(({ table }) => table === 'bad.t')
  if (!held || hostile.others === true) return
  judge('bad.t stays held without the hostile file', report?.error === null, report?.error?.message)
  const repaired = await rowsOf(world, 'bad/t/')
  judge('bad.t has other rows after the repair', same(repaired, nextRows), JSON.stringify(repaired))
}

const same = (a: readonly string[], b: readonly string[]) => JSON.stringify(a) === JSON.stringify(b)

function around(text: string, part: string): string {
  const at = text.indexOf(part)
  return at < 0 ? '' : text.slice(Math.max(0, at - 200), at + 60)
}

function textOf(thrown: unknown): string {
  if (thrown instanceof DmscdcError) return `${thrown.kind}: ${thrown.message}`
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
}

async function namesBelow(folder: string): Promise<string[]> {
  return readdir(folder, { recursive: true }).then(
    (names) => names.map((name) => name.split('/').at(-1) ?? ''),
    () => [],
  )
}

/** The rows as text, without the attributes that a case wrote itself. */
async function stateTexts(world: World): Promise<string> {
  if (world.kind === 'memory')
    return JSON.stringify((await world.ports.state.list()).map(({ row }) => row?.Held ?? null))
  const names = (await readdir(world.state, { recursive: true })).filter((name) => name.endsWith('.json'))
  const texts = await Promise.all(names.map((name) => readFile(join(world.state, name), 'utf8').catch(() => '')))
  return texts.map((text) => /"Held":\s*\{[^}]*\}/u.exec(text)?.[0] ?? '').join('\n')
}
