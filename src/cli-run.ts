import { ulid } from 'ulid'
import { names, print, type TableFlags } from './cli-system.ts'
import { type Config, readConfig } from './config.ts'
import { type RunReport, runCycle } from './controller/run-cycle.ts'
import type { TableId } from './domain.ts'
import { failedRunLine, metricsLines } from './metrics.ts'
import { openSystem } from './system.ts'
import { terminalLog } from './terminal-log.ts'

/** `dmscdc run`. What only texts for people need is read for these alone. */
export async function run(flags: TableFlags): Promise<void> {
  const tables = names(flags)
  // A task that was started for one table finds the variable of its starter: it must not start another.
  const config = readConfig(tables.length === 0 ? flags : { dispatch: 'inProcess', metrics: 'none', ...flags })
  const runText = flags.json ? () => '' : (await import('./render.ts')).runText
  const exitCode = await cycleOnce(config, { tables, quiet: flags.json === true }, (report) =>
    print(flags, report, runText),
  )
  if (exitCode !== 0) process.exitCode = exitCode
}

type CycleAsked = { readonly tables: readonly TableId[]; readonly quiet: boolean }

/**
 * One cycle, its report printed, its metrics on stderr if they are wanted. Returns the exit code; where a
 * table's deadline passed the process ends here, since a call that never comes back would keep it alive.
 */
async function cycleOnce(config: Config, asked: CycleAsked, print: (report: RunReport) => void): Promise<number> {
  const run = ulid()
  const startedMs = Date.now()
  const log = await terminalLog({ verbose: config.verbose, quiet: asked.quiet, run })
  const measure = (linesOf: (at: { id: string; nowMs: number; ms: number }) => readonly string[]) => {
    if (config.cycle.metrics === 'none') return
    const nowMs = Date.now()
    for (const line of linesOf({ id: run, nowMs, ms: nowMs - startedMs })) process.stderr.write(`${line}\n`)
  }
  try {
    const system = await openSystem(config, log)
    let overdue: readonly string[] = []
    try {
      const dispatcher = await system.dispatcher(run)
      const report = await runCycle(system.ports, { ...asked, concurrency: config.cycle.concurrency, dispatcher })
      overdue = dispatcher.overdue()
      log.end()
      measure((at) => metricsLines(report, at))
      print(report)
      if (overdue.length > 0) await endNow(report.ok ? 0 : 1)
      return report.ok ? 0 : 1
    } finally {
      if (overdue.length === 0) await system.close()
    }
  } catch (error) {
    measure((at) => [failedRunLine(at)])
    throw error
  } finally {
    log.end()
  }
}

/** After what was printed has gone out. What the calls leave behind is a dead process's, which the next run clears away. */
async function endNow(exitCode: number): Promise<never> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((flushed) => stream.write('', () => flushed()))
  process.exit(exitCode)
}
