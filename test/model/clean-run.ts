import type { Lease } from '../../src/domain.ts'
import { callText } from './call-text.ts'
import { type Outcome, startInstance } from './instance.ts'
import { checkEffect, checkEnd, checkRun, isLeft } from './invariants.ts'
import { type Scenario, settingOf, startMs, tickMs } from './scenario.ts'
import { Violation } from './violation.ts'
import { perform, ticked, type World, withRow } from './world.ts'

type Options = {
  readonly edits: number
  /** The runs that ended by themselves, and none of whose calls failed. */
  readonly endedWell: readonly string[]
  readonly onStep: (step: string) => void
}

/**
 * Lets clean runs end what the others left, and checks that all is in order. What a run wrote when the table was not its own any more,
 * and did not live to take away, may stay until staging is swept again and a checkpoint is due: then that is brought about too.
 */
export async function endCleanly(scenario: Scenario, world: World, options: Options): Promise<void> {
  const { ended, outcome } = await cleanRun(scenario, world, 'Z', options)
  checkEnd(scenario, ended, outcome, options.edits)
  for (const [key, by] of ended.strays) if (options.endedWell.includes(by) && isLeft(ended, key)) throw leftBy(by, key)
  if (ended.strays.size === 0) return
  const longer = { ...scenario, files: filesUntilCheckpoint }
  const last = await cleanRun(longer, withRow(ended, { ...ended.row, Lease: deadLease }), 'Y', options)
  checkEnd(longer, { ...last.ended, strays: new Map() }, last.outcome, options.edits)
}

const filesUntilCheckpoint = 9
const deadLease: Lease = { runId: 'X1', txnId: null, host: 'host', pid: 1, processStartedMs: 0, epoch: 1, expiresMs: 0 }
const stepsMax = 1_000
const settings = new Map<string, ReturnType<typeof settingOf>>()

/** A run that nothing disturbs, long after all others. */
export async function cleanRun(
  scenario: Scenario,
  world: World,
  name: string,
  { onStep }: Pick<Options, 'onStep'>,
): Promise<{ readonly ended: World; readonly outcome: Outcome }> {
  const which = `${name} ${String(scenario.files)}`
  const setting = settings.get(which) ?? settingOf(scenario, name)
  settings.set(which, setting)
  let now = ticked(world, 2)
  onStep(`much later a clean run ${name} begins`)
  const run = await startInstance(await setting, nowMs(now))
  let outcome = run.outcome()
  for (let step = 0; outcome === null; step++) {
    const [at, call] = [...run.waiting][0] ?? []
    if (at === undefined || call === undefined || step > stepsMax)
      throw new Violation('the last clean run leaves all in order', 'it does not end')
    const before = now
    const effect = perform(now, call)
    now = call.verb === 'sleep' ? ticked(now) : effect.world
    onStep(`${name}: ${callText(call)}`)
    checkEffect(scenario, { before, after: now, call }, [])
    const value = call.verb === 'probe' ? 'dead' : effect.value
    await run.happen({ kind: 'answer', at, value }, nowMs(now))
    outcome = run.outcome()
  }
  checkRun(now, name, run.committed, outcome)
  return { ended: now, outcome }
}

const leftBy = (by: string, key: string) =>
  new Violation('the last clean run leaves all in order', `${by} ended well, and left ${key}`)

const nowMs = ({ tick }: World) => startMs + tick * tickMs
