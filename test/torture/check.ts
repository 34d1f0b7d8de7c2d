import { rowsOf, type Source, withConnection } from '../../sample-db/connection.ts'
import type { TableVerdict } from '../../src/controller/verify-tables.ts'
import type { Reconciliation } from '../../src/reconcile/reconcile-table.ts'
import { type Command, cleanCycle, say } from './killed-runs.ts'
import { schema, sequenceColumn, tables } from './tables.ts'

/** Of what differs: one line each. Empty: the lake is proven, and equals the source. */
export type Findings = readonly string[]

/** A run that died after a restore leaves a table to be set inactive by the next one, so it may take a few rounds. */
const cyclesMax = 12

/** Runs until nothing is left to do, then holds the lake against its log and against the source. Nothing else may be going on. */
export async function check(command: Command, source: Source, sourceUrl: string): Promise<Findings> {
  command.tally.note('check')
  const findings = await runUntilIdle(command)
  if (findings.length > 0) return findings
  const staged = (await command.staged()).map((path) => `left in the staging: ${path}`)
  return [...staged, ...(await verifyAll(command)), ...(await reconcileAll(command, source, sourceUrl))]
}

async function runUntilIdle(command: Command): Promise<Findings> {
  let last = ''
  for (let cycle = 0; cycle < cyclesMax; cycle++) {
    await say(command, ['set', `${schema}.*`, '--active'])
    const report = await cleanCycle(command)
    const failed = report.tables.filter(({ error }) => error !== null)
    if (failed.length > 0) return failed.map(({ table, error }) => `${table} cannot be run: ${JSON.stringify(error)}`)
    const isIdle = report.tables.every(({ status, warnings }) => status === 'idle' && warnings.length === 0)
    if (isIdle && report.tables.length === tables.length) return []
    last = report.tables.map(({ table, status, warnings }) => `${table} ${status} ${warnings.join('; ')}`).join(', ')
  }
  return [`not idle after ${String(cyclesMax)} clean runs: ${last}`]
}

async function verifyAll(command: Command): Promise<Findings> {
  const { code, stdout, stderr } = await say(command, ['verify', '--json'])
  const verdict = JSON.parse(stdout) as { readonly ok: boolean; readonly tables: readonly TableVerdict[] }
  const commits = verdict.tables.reduce((sum, { version }) => sum + (version ?? -1) + 1, 0)
  command.tally.add('commits', commits - command.tally.get('commits'))
  if (code === 0 && verdict.ok && verdict.tables.length === tables.length) return []
  const bad = verdict.tables.filter(({ ok }) => !ok)
  return bad.length > 0
    ? bad.map(({ table, problems }) => `${table} is not proven: ${JSON.stringify(problems.slice(0, 10))}`)
    : [`verify: exit ${String(code)}, ${stdout}${stderr}`]
}

async function reconcileAll(command: Command, source: Source, sourceUrl: string): Promise<Findings> {
  const findings: string[] = []
  for (const { name } of tables) {
    const { code, stdout, stderr } = await say(command, [
      'reconcile',
      `${schema}.${name}`,
      '--source',
      sourceUrl,
      '--json',
    ])
    command.tally.add('reconciled')
    if (stdout === '') {
      findings.push(`${name} cannot be reconciled: ${stderr}`)
      continue
    }
    const found = JSON.parse(stdout) as Reconciliation
    const { ok, rows, differences, columns, examples, leftOut } = found
    command.tally.add('rows compared', rows.source)
    const passedOver = await unexplained(source, name, leftOut)
    if (passedOver.length > 0) findings.push(`${name}: columns were not compared: ${JSON.stringify(passedOver)}`)
    if (code === 0 && ok && rows.source === rows.lake) continue
    findings.push(`${name} differs: ${JSON.stringify({ rows, differences, columns, examples })}`)
  }
  return findings
}

/** A column that was dropped stays in the lake; one that was added and never filled is in the source alone. */
async function unexplained(source: Source, table: string, leftOut: Reconciliation['leftOut']) {
  const fine = await Promise.all(
    leftOut.map(async ({ column, why }) => {
      if (why.startsWith('only in the lake')) return column === sequenceColumn || column.startsWith('added_')
      if (why !== 'only in the source') return false
      const count = `select count(${column}) n from ${schema}.${table}`
      const [row] = await withConnection(source, (connection) => rowsOf(connection, count))
      return Number(row?.n) === 0
    }),
  )
  return leftOut.filter((_, at) => !fine[at])
}
