import { type ObjectLocation, placeOf } from '../config.ts'
import { UsageError } from '../errors.ts'

/** A MySQL or MariaDB database. No message ever holds the password. */
export type MysqlPlace = {
  readonly scheme: 'mysql' | 'mariadb'
  readonly host: string
  readonly port: number
  readonly socket: string | null
  readonly user: string
  readonly password: string | null
  readonly database: string | null
  readonly tls: 'off' | 'on' | 'verify'
}

export type MysqlTable = { readonly database: string; readonly table: string }

export type SourceLocation =
  /** `table`: where it is not called as the lake's. */
  | ({ readonly kind: 'mysql'; readonly table: MysqlTable | null } & MysqlPlace)
  | { readonly kind: 'files'; readonly place: ObjectLocation }

type Environment = { readonly [name: string]: string | undefined }

/**
 * `mysql://user@host:3306/db?tls=verify`, the same with `mariadb`, or a place of full-load files as a landing is named.
 * The password is in `DMSCDC_SOURCE_PASSWORD` or `MYSQL_PWD`, or, readable for all on this machine, in the URL.
 * Throws `UsageError`, which never repeats the URL.
 */
export function readSourceLocation(text: string, table: string | undefined, environment: Environment): SourceLocation {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(text)?.[1]?.toLowerCase() ?? null
  switch (scheme) {
    case 'mysql':
    case 'mariadb':
      return {
        kind: 'mysql',
        table: table === undefined ? null : tableOf(table),
        ...mysqlPlace(scheme, text, environment),
      }
    case null:
    case 'file':
    case 's3':
      if (table !== undefined)
        throw new UsageError(
          '--source-table: files have no table of another name',
          'name the folder of the table by --source',
        )
      return { kind: 'files', place: placeOf('source', text) }
    default:
      throw wrong(`found scheme ${scheme}://, expected mysql://, mariadb://, s3://, file:// or a path`)
  }
}

function mysqlPlace(scheme: 'mysql' | 'mariadb', text: string, environment: Environment): MysqlPlace {
  const url = parsed(text)
  const socket = url.searchParams.get('socket')
  const tls = url.searchParams.get('tls') ?? 'off'
  const other = [...url.searchParams.keys()].find((name) => name !== 'socket' && name !== 'tls')
  if (other !== undefined) throw wrong(`found option ${other}, expected tls or socket`)
  if (tls !== 'off' && tls !== 'on' && tls !== 'verify') throw wrong('found another tls, expected off, on or verify')
  if (url.hostname === '' && socket === null) throw wrong('found no host')
  if (url.username === '') throw wrong('found no user')
  const database = decoded(url.pathname.replace(/^\/+|\/+$/gu, ''))
  const password =
    url.password === '' ? (environment.DMSCDC_SOURCE_PASSWORD ?? environment.MYSQL_PWD ?? null) : decoded(url.password)
  return {
    scheme,
    host: url.hostname.replace(/^\[|\]$/gu, ''),
    port: url.port === '' ? 3306 : Number(url.port),
    socket,
    user: decoded(url.username),
    password,
    database: database === '' ? null : database,
    tls,
  }
}

function parsed(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw wrong('found no URL (is a sign in the user or the password not written as %40?)')
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw wrong('found a % that begins no escape')
  }
}

function tableOf(text: string): MysqlTable {
  const match = /^([^.]+)\.(.+)$/su.exec(text)
  if (match === null)
    throw new UsageError(`--source-table: found "${text}", expected db.table`, 'dmscdc reconcile --help')
  return { database: match[1] ?? '', table: match[2] ?? '' }
}

function wrong(what: string): UsageError {
  return new UsageError(`--source: ${what}`, 'dmscdc reconcile <S.T> --source mysql://user@host:3306/db')
}
