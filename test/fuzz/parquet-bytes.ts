import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { type FileMetaData, parquetMetadata } from 'hyparquet'
import { ByteWriter } from 'hyparquet-writer'
import { writeMetadata } from 'hyparquet-writer/src/metadata.js'
import { literal } from '../../src/engine/sql.ts'

let connection: Promise<DuckDBConnection> | null = null
const made = new Map<string, Promise<Uint8Array>>()
const madeMax = 200

/** The Parquet file of a query's rows, by a DuckDB that is not the one under test. The same query is made once. */
export function parquetOf(select: string, options = ''): Promise<Uint8Array> {
  const asked = `copy (${select}) to $path (format parquet${options === '' ? '' : `, ${options}`})`
  const known = made.get(asked)
  if (known !== undefined) return known
  if (made.size >= madeMax) made.clear()
  const making = written(asked)
  made.set(asked, making)
  return making
}

async function written(statement: string): Promise<Uint8Array> {
  connection ??= DuckDBInstance.create(':memory:', { threads: '1' }).then((instance) => instance.connect())
  const folder = await mkdtemp(join(tmpdir(), 'dmscdc-fuzz-make-'))
  try {
    const path = join(folder, 'made.parquet')
    await (await connection).run(statement.replace('$path', () => literal(path)))
    return await readFile(path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The same rows under a footer that says something else. */
export function withFooter(body: Uint8Array, change: (footer: FileMetaData) => void): Uint8Array {
  const footer = parquetMetadata(new Uint8Array(body).buffer)
  const { schema } = parquetMetadata(new Uint8Array(body).buffer)
  change(footer)
  const writer = new ByteWriter()
  writeMetadata(writer, footerOf(footer, schema))
  return withFooterBytes(body, new Uint8Array(writer.getBuffer()))
}

/** The writer looks at the schema first of all, and would refuse a lie: it is shown the true one, and told to write the other. */
function footerOf(footer: FileMetaData, trueSchema: FileMetaData['schema']): FileMetaData {
  let looks = 0
  return Object.defineProperty({ ...footer }, 'schema', { get: () => (looks++ === 0 ? trueSchema : footer.schema) })
}

/** The data of a file under any bytes as its footer. */
export function withFooterBytes(body: Uint8Array, footer: Uint8Array, lengthSaid = footer.length): Uint8Array {
  const data = Buffer.from(body).subarray(0, body.length - 8 - footerLength(body))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(lengthSaid >>> 0)
  return Buffer.concat([data, footer, length, Buffer.from('PAR1')])
}

export function footerLength(body: Uint8Array): number {
  return Buffer.from(body).readUInt32LE(body.length - 8)
}

/** Bytes as Thrift's compact protocol writes an unsigned number. */
export function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Uint8Array.from([...bytes, Number(rest)])
}
