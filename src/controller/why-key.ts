import { type TableId, tableName } from '../domain.ts'
import { UsageError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { type KeyStory, keyStory } from '../process-table/key-story.ts'
import { withTableRun } from '../process-table/table-run.ts'
import { named } from './named-tables.ts'
import { knownTables } from './register.ts'

/** Which landing files and rows, and which commits, gave a key its value; changes nothing. `values` are those of the key columns in order. */
export async function whyKey(ports: Ports, id: TableId, values: readonly (string | null)[]): Promise<KeyStory> {
  const [item] = await named(ports, await knownTables(ports), [id])
  if (item === undefined) throw new UsageError(`there is no table ${tableName(id)}`, 'dmscdc tables')
  return withTableRun(ports, item, (run) => keyStory(run, values))
}
