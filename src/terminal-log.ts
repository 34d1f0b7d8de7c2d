import ora from 'ora'
import { type Log, silentLog, stderrLog } from './log.ts'

/** On a terminal, long work shows what it is at in one moving line; elsewhere, and with --verbose, as log lines on stderr. */
export function terminalLog(options: { readonly verbose: boolean; readonly quiet: boolean }): Log & { end(): void } {
  if (options.verbose) return { ...bound(stderrLog('debug')), end() {} }
  if (!process.stderr.isTTY) return { ...bound(options.quiet ? stderrLog('warn') : stderrLog('info')), end() {} }
  const spinner = ora({ stream: process.stderr, discardStdin: false })
  return {
    ...silentLog,
    info(fields, message) {
      const text = typeof fields.table === 'string' ? `${fields.table}: ${message}` : message
      if (spinner.isSpinning) spinner.text = text
      else spinner.start(text)
    },
    warn(_, message) {
      spinner.warn(message)
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
