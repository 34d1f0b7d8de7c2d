import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { cacheDir, doneOnce, orSkipped } from './install-once.ts'

export type ReaderEngine = 'duckdb' | 'pyarrow' | 'polars' | 'delta-rs'
/** `folder`: the bare Parquet files below a folder, by Hive partitioning. `delta`: a Delta table by its log. */
export type ReaderKind = 'folder' | 'delta'

const IMPORTS_ALL = ['-c', 'import duckdb, duckdb_extension_delta, pyarrow, polars, deltalake']
const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))

/**
 * A Python interpreter that has the other engines (requirements.txt), in `.cache/python-<hash of the requirements>`; made once, also when several
 * workers ask at a time. Null, with one loud line, where Python or pip does not deliver; under CI that is an error.
 */
export function pythonReaders(): Promise<string | null> {
  interpreter ??= orSkipped('python readers (pip)', findOrInstall)
  return interpreter
}

let interpreter: Promise<string | null> | undefined

/**
 * The rows that another engine reads, in the order of their text. Integers that JavaScript cannot hold, decimals, dates (`2024-06-12`),
 * timestamps (`2024-06-12T10:31:27.367000Z`) and binary (hex) are text; in a folder partition values are text.
 */
export async function readWith(engine: ReaderEngine, kind: ReaderKind, path: string): Promise<unknown[]> {
  const python = await pythonReaders()
  if (python === null) throw new Error('there are no python readers: skip the test where pythonReaders() is null')
  const { stdout } = await run(python, [join(here, 'readers.py'), engine, kind, path], { maxBuffer: 2 ** 30 })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

async function findOrInstall(): Promise<string> {
  const requirements = await readFile(join(here, 'requirements.txt'))
  const name = `python-${createHash('sha256').update(requirements).digest('hex').slice(0, 12)}`
  const home = join(cacheDir, name)
  const python = join(home, 'bin', 'python')
  await doneOnce(name, { isDone: () => works(python), work: () => install(home, python) })
  return python
}

/** Builds beside and renames, so that a half-made environment is never found. A moved environment works by its interpreter, not by its scripts. */
async function install(home: string, python: string): Promise<void> {
  const building = `${home}.${process.pid}.tmp`
  try {
    await run('python3', ['-m', 'venv', building])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:']
    await run(join(building, 'bin', 'python'), [...pip, '-r', join(here, 'requirements.txt')])
    await run(join(building, 'bin', 'python'), IMPORTS_ALL)
    if (await works(python)) return
    await rm(home, { recursive: true, force: true })
    await rename(building, home)
  } finally {
    await rm(building, { recursive: true, force: true })
  }
}

/** An interpreter that the system's Python has moved away from is there and does not start. */
async function works(python: string): Promise<boolean> {
  const there = await access(python).then(
    () => true,
    () => false,
  )
  return (
    there &&
    run(python, IMPORTS_ALL).then(
      () => true,
      () => false,
    )
  )
}
