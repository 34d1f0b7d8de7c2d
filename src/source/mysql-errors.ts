import { DmscdcError } from '../errors.ts'
import type { MysqlPlace, MysqlTable } from './source-location.ts'

/*
 * What a server's refusals and failures are to us. Its own words may quote a row, its codes do not.
 */

/** `mysql://user@host:3306/db`, without the password. */
export function mysqlName({ scheme, user, host, port, socket, database }: MysqlPlace): string {
  return `${scheme}://${user}@${socket ?? `${host}:${String(port)}`}/${database ?? ''}`
}

const codeOf = (cause: unknown) => String((cause as { code?: unknown } | null)?.code ?? 'error')
const refusals = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
  'ER_NO_SUCH_TABLE',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_NOT_SUPPORTED_AUTH_MODE',
  'ER_SECURE_TRANSPORT_REQUIRED',
])

export function connectError(name: string, cause: unknown): DmscdcError {
  const code = codeOf(cause)
  if (refusals.has(code))
    return new DmscdcError('invalid-config', `source ${name} refuses the connection (${code})`, {
      hint: 'check the user and the database in --source, and the password in DMSCDC_SOURCE_PASSWORD',
    })
  return new DmscdcError('unavailable', `source ${name} cannot be connected to (${code})`, {
    hint: 'check host and port in --source, and that this machine may reach them; then run again',
  })
}

export function readError(name: string, cause: unknown): DmscdcError {
  const code = codeOf(cause)
  if (refusals.has(code))
    return new DmscdcError('invalid-config', `source ${name} refuses to be read (${code})`, {
      hint: 'let the user of --source select from the table: grant select on <db>.<table>',
    })
  return new DmscdcError('unavailable', `source ${name} failed while it was read (${code})`, { hint: 'run again' })
}

export function missingTable(name: string, { database, table }: MysqlTable): DmscdcError {
  return new DmscdcError('invalid-config', `source ${name} has no table ${database}.${table} that this user may read`, {
    hint: 'name it as the source has it: dmscdc reconcile <table> --source <url> --source-table db.table',
  })
}

export function tooLong(name: string): DmscdcError {
  return new DmscdcError(
    'invalid-config',
    `source ${name} has a value that is longer than its max_allowed_packet lets it print`,
    {
      hint: 'raise max_allowed_packet of the server to more than twice the longest value',
    },
  )
}
