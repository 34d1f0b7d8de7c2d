import { printable } from './errors.ts'
import { type Log, silentLog, stderrLog } from './log.ts'

export type LogOptions = {
  readonly verbose: boolean
  readonly quiet: boolean
  /** The id of the run; every structured line has it. */
  readonly run?: string
}

/** On a terminal, long work shows what it is at in one moving line; elsewhere, and with --verbose, as log lines on stderr. */
export async function terminalLog(options: LogOptions): Promise<Log & { end(): void }> {
  const base = options.run === undefined ? {} : { run: options.run }
  if (options.verbose) return { ...bound(stderrLog('debug', base)), end() {} }
  if (!process.stderr.isTTY) return { ...bound(stderrLog(options.quiet ? 'warn' : 'info', base)), end() {} }
  const { default: ora } = await import('ora')
  const spinner = ora({ stream: process.stderr, discardStdin: false })
  return {
    ...silentLog,
    info(fields, message) {
      const text = printable(typeof fields.table === 'string' ? `${fields.table}: ${message}` : message)
      if (spinner.isSpinning) spinner.text = text
      else spinner.start(text)
    },
    warn(_, message) {
      spinner.warn(printable(message))
    },
    end() {
      spinner.stop()
    },
  }
}

function bound(log: Log): Log {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
  }
}
