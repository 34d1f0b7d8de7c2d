import type { Random } from '../e2e/seeded-random.ts'
import type { World } from './world.ts'

/** What a target did to a world in which `good.g` and `bad.t` are loaded, and what is known of the outcome. */
export type Hostile = {
  /** For a finding: what was done. */
  readonly label: string
  /** The hostile landing files. When they are gone the table must go on. */
  readonly landed: readonly string[]
  /** The rows of `bad.t` where nothing holds it, as texts `id|v`; absent where nobody can say. */
  readonly rowsIfTaken?: readonly string[]
  readonly mustHold?: boolean
  /** Takes back what was done to the state or the log, if that can be done. */
  readonly undo?: (world: World) => Promise<void>
  /** The log was damaged: `verify` is expected to say so. */
  readonly damagesLog?: boolean
  /** Further tables that the case made: they may be in any state but a bug. */
  readonly others?: boolean
}

export type Target = {
  readonly stores: readonly World['kind'][]
  prepare(world: World, random: Random): Promise<Hostile>
}

export const bad = { schema: 'bad', table: 't' }
export const good = { schema: 'good', table: 'g' }
