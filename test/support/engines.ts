import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { columnsOf, type TypedFile } from './dms-parquet.ts'
import type { DmsType } from './dms-types.ts'
import { pythonReaders, type ReaderEngine, type ReaderKind } from './python.ts'
import type { TextRow } from './typed-rows.ts'

/** The first Spark on a busy machine takes minutes. */
export const askMsMax = 500_000

const here = fileURLToPath(new URL('.', import.meta.url))

/** Runs a Python program on a JSON document; gives the JSON of each line that it prints. */
export async function askPython(
  python: string,
  args: readonly string[],
  question: unknown,
  environment = process.env,
): Promise<readonly unknown[]> {
  const child = spawn(python, args, { env: environment, stdio: ['pipe', 'pipe', 'pipe'], timeout: askMsMax })
  child.stdin.end(JSON.stringify(question))
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const [printed, complaints, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${String(code)}:\n${complaints.slice(-4000)}`)
  return printed
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

export type PyarrowOptions = {
  readonly compression: 'snappy' | 'gzip' | 'zstd' | 'none'
  readonly use_dictionary: boolean
  readonly data_page_version: '1.0' | '2.0'
  readonly store_decimal_as_integer: boolean
}

/** Writes files by pyarrow. */
export async function writePyarrow(
  files: readonly { readonly path: string; readonly file: TypedFile; readonly options: PyarrowOptions }[],
): Promise<void> {
  const question = files.map(({ path, file, options }) => ({
    path,
    options,
    columns: columnsOf(file).map(({ type, texts }) => ({ name: type.name, file: type.file, texts })),
  }))
  await askPython((await pythonReaders()) as string, [join(here, 'pyarrow-writer.py')], question)
}

export type TypedRead = {
  readonly engine: ReaderEngine | 'spark'
  readonly kind: ReaderKind
  readonly path: string
  readonly types: readonly DmsType[]
  /** Spark: the columns to filter by, for each filter takes it a fifth of a second. The others filter by all. */
  readonly probe?: readonly string[]
}

export type TypedAnswer = {
  readonly rows: readonly TextRow[]
  /** `[column, text, ids found, ids that have it]` for each value that a filter on equality does not find. */
  readonly misses: readonly (readonly unknown[])[]
}

export async function readTyped(
  reads: readonly TypedRead[],
  ask: (question: unknown) => Promise<readonly unknown[]> = askReaders,
): Promise<readonly TypedAnswer[]> {
  const question = reads.map(({ types, ...read }) => ({
    ...read,
    types: Object.fromEntries(types.map(({ name, lake }) => [name, lake])),
  }))
  const answers = (await ask(question)) as readonly TypedAnswer[]
  return answers.map(({ rows, misses }, at) => {
    const types = (reads[at] as TypedRead).types
    const texts = rows.map((row) => rowOf(types, row))
    return { rows: texts.sort((a, b) => Number(a.id) - Number(b.id)), misses }
  })
}

async function askReaders(question: unknown): Promise<readonly unknown[]> {
  return askPython((await pythonReaders()) as string, [join(here, 'engines.py')], question)
}

function rowOf(types: readonly DmsType[], row: TextRow): TextRow {
  const cells = types.map(({ name, lake }) => {
    const cell = row[name] ?? null
    return [name, cell !== null && (lake === 'float' || lake === 'double') ? floatText(cell) : cell]
  })
  return { id: row.id as string, ...Object.fromEntries(cells) }
}

function floatText(hex: string): string {
  const value = Buffer.from(hex, 'hex').readDoubleBE()
  return Object.is(value, -0) ? '-0' : String(value)
}
