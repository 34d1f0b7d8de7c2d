import type { Random } from '../e2e/seeded-random.ts'
import { type Command, say } from './killed-runs.ts'
import { schema, tables } from './tables.ts'

/** Base names of what the landing holds of a table. */
export type FilesOf = (table: string) => Promise<readonly string[]>

/** What a person does to a table between runs. A command that refuses says why, and has changed nothing. */
export async function randomCommand(command: Command, random: Random, filesOf: FilesOf): Promise<void> {
  const table = random.pick(tables)
  const name = `${schema}.${table.name}`
  const [kind, make] = random.pick(commands)
  const args = await make({ random, name, files: () => filesOf(table.name), version: () => versionOf(command, name) })
  if (args === null) return
  const { code, stderr } = await say(command, args)
  command.tally.add(`command: ${kind}${code === 0 ? '' : ', refused'}`)
  if (code !== 0) command.tally.add(`refusal: ${kind}: ${reason(stderr)}`)
  if (code === 0 && kind === 'restore') await say(command, ['set', name, '--active'])
}

type Circumstances = {
  readonly random: Random
  readonly name: string
  readonly files: () => Promise<readonly string[]>
  readonly version: () => Promise<number | null>
}
type MakeCommand = (circumstances: Circumstances) => Promise<readonly string[] | null>

const set =
  (flag: string, wishes: readonly string[]): MakeCommand =>
  async ({ random, name }) => ['set', name, flag, random.pick(wishes)]

const partition: MakeCommand = async ({ random }) => [
  ...['set', `${schema}.partitioned`, '--partition-key', random.pick(['region', 'kind', 'region,kind', 'null'])],
]

const replay: MakeCommand = async ({ random, name, files }) => {
  const names = await files()
  return names.length === 0 ? null : ['replay', name, '--from', random.pick(names)]
}

/** One of the last versions, whose data files may still be kept. */
const restore: MakeCommand = async ({ random, name, version }) => {
  const head = await version()
  return head === null || head === 0
    ? null
    : ['restore', name, '--version', String(Math.max(0, head - 1 - random.below(4)))]
}

const look =
  (verb: string): MakeCommand =>
  async ({ name }) => [verb, '--table', name]

const commands: readonly (readonly [kind: string, make: MakeCommand])[] = [
  ['publish', set('--publish', ['delta', 'delta', 'manifest', 'delta,manifest', ''])],
  ['retain', set('--retain', ['0s', '1m', '1h'])],
  ['on vanish', set('--on-vanish', ['warn', 'hold', 'truncate'])],
  ['partition key', partition],
  ['replay', replay],
  ['replay', replay],
  ['restore', restore],
  ['restore', restore],
  ['verify', look('verify')],
  ['plan', look('plan')],
]

async function versionOf(command: Command, name: string): Promise<number | null> {
  const { code, stdout } = await say(command, ['tables', '--json'])
  if (code !== 0) return null
  const { tables: known } = JSON.parse(stdout) as { tables: readonly { table: string; version: number | null }[] }
  return known.find(({ table }: { table: string }) => table === name)?.version ?? null
}

function reason(stderr: string): string {
  const [first = ''] = stderr.split('\n').filter((line) => line.startsWith('error:'))
  return first.replace(/\d[\w.-]*/gu, '…').slice(7, 140)
}
