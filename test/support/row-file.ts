import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from './lab.ts'

type Row = Readonly<Record<string, unknown>>

/** The row of `s.t` as an operator sees it in the console. */
export async function readRow(lab: Lab, table = 't', schema = 's'): Promise<Row> {
  return JSON.parse(await readFile(rowPath(lab, table, schema), 'utf8')) as Row
}

/** What an operator does in the console: some attributes get other values; `undefined` takes one away. */
export async function editRow(lab: Lab, change: Row, table = 't'): Promise<void> {
  await writeRow(lab, { ...(await readRow(lab, table)), ...change }, table)
}

export async function writeRow(lab: Lab, row: Row, table = 't'): Promise<void> {
  await writeFile(rowPath(lab, table), JSON.stringify(row))
}

/** `LastIncrementalFile` for a change file of `s.t`. */
export async function cursorTo(lab: Lab, name: string): Promise<{ readonly LastIncrementalFile: string }> {
  return { LastIncrementalFile: `${String((await readRow(lab)).path)}${name}` }
}

const rowPath = (lab: Lab, table: string, schema = 's') => join(lab.state, schema, `${table}.json`)
