import { pino } from 'pino'

type Fields = { readonly [name: string]: string | number | boolean | null | undefined }

/** Structured lines on stderr. Never a row value. */
export type Log = {
  debug(fields: Fields, message: string): void
  info(fields: Fields, message: string): void
  warn(fields: Fields, message: string): void
}

export const silentLog: Log = { debug() {}, info() {}, warn() {} }

/** JSON lines on standard error, each with the fields of `base`. */
export function stderrLog(level: 'debug' | 'info' | 'warn', base: Fields = {}): Log {
  return pino({ level, base, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true }))
}
