import { parseArgs } from 'node:util'
import { sum } from '../../src/sum.ts'
import { type Explored, explore } from './explore.ts'
import { largeScenarios, smallScenarios } from './scenarios.ts'

/**
 * `npm run model`: explores every scenario, or with `--only TEXT` the one of that name, or those whose names contain it.
 * Prints what was explored; where an invariant is broken, ends there with the way that led to it, and exits 1.
 */
const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, small: { type: 'boolean' } } })
const scenarios = [...smallScenarios, ...(values.small ? [] : largeScenarios)]
const named = scenarios.filter(({ name }) => name === values.only)
const chosen = named.length > 0 ? named : scenarios.filter(({ name }) => name.includes(values.only))

await main()

async function main(): Promise<void> {
  const explored: Explored[] = []
  for (const scenario of chosen) {
    const startedMs = performance.now()
    const so = await explore(scenario, showProgress)
    explored.push(so)
    process.stdout.write(`${lineOf(so)}, ${((performance.now() - startedMs) / 1_000).toFixed(1)} s\n`)
    if (so.broken === null) continue
    const steps = so.broken.trace.map((step, at) => `${String(at + 1).padStart(4)}  ${step}\n`).join('')
    process.stdout.write(`broken: ${so.broken.invariant}\n${so.broken.found}\n${steps}`)
    process.exitCode = 1
    break
  }
  const total = (of: (so: Explored) => number) => sum(explored.map(of))
  const [states, transitions] = [total((so) => so.states), total((so) => so.transitions)]
  const broken = explored.filter((so) => so.broken !== null).length
  process.stdout.write(
    `${String(explored.length)} scenarios, ${String(states)} states, ${String(transitions)} transitions, ${String(broken)} broken\n`,
  )
}

function lineOf({ scenario, states, transitions, worlds, histories }: Explored): string {
  const counts = `${String(states)} states, ${String(transitions)} transitions, ${String(worlds)} worlds ended cleanly`
  return `${scenario}: ${counts}, ${String(histories)} histories of a run`
}

function showProgress(so: Explored): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${so.scenario}: ${String(so.states)} states so far\r`)
}
