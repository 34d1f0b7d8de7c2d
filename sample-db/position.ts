import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Connection } from 'mysql2/promise'
import { DmscdcError } from '../src/errors.ts'
import { rowsOf } from './connection.ts'
import type { Catalog } from './definitions.ts'

export type BinlogPosition = { readonly file: string; readonly offset: number }

/** How far the source has been followed, and all that is needed to go on from there. Plain JSON. */
export type Position = {
  readonly binlog: BinlogPosition
  /** The tables as they stood at that point of the binlog. */
  readonly catalog: Catalog
  /** Time of the last change file's name, in milliseconds: later names are greater. */
  readonly lastNameMs: number
  /** The last change sequence number given, 35 digits. */
  readonly lastSequence: string
}

export const firstSequence = '0'.repeat(35)

export function compareBinlog(a: BinlogPosition, b: BinlogPosition): number {
  const byFile = fileNumber(a.file) - fileNumber(b.file)
  return byFile === 0 ? a.offset - b.offset : byFile
}

/** Where the server's binlog ends now. Throws `invalid-config` when it writes none, or none that can be followed. */
export async function masterPosition(connection: Connection): Promise<BinlogPosition> {
  const [format] = await rowsOf(connection, 'select @@global.binlog_format f, @@global.binlog_row_image i')
  if (format?.f !== 'ROW' || format?.i !== 'FULL') {
    throw new DmscdcError(
      'invalid-config',
      `binlog is ${format?.f} with ${format?.i} row images, expected ROW with FULL`,
      {
        hint: 'start the server with --binlog-format=ROW --binlog-row-image=FULL',
      },
    )
  }
  // MySQL 8.4 renamed the statement, MariaDB 10 knows only the old name
  const [status] = await rowsOf(connection, 'show master status').catch(() =>
    rowsOf(connection, 'show binary log status'),
  )
  if (status === undefined) {
    throw new DmscdcError('invalid-config', 'binlog is off, expected it on', {
      hint: 'start the server with --log-bin',
    })
  }
  return { file: String(status.File), offset: Number(status.Position) }
}

/** Null when there is no such file yet. */
export async function readPosition(path: string): Promise<Position | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : (JSON.parse(text) as Position)
}

export async function writePosition(path: string, position: Position): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, `${JSON.stringify(position, null, 1)}\n`)
  await rename(`${path}.new`, path)
}

function fileNumber(file: string): number {
  return Number(/\.(\d+)$/u.exec(file)?.[1] ?? 0)
}
