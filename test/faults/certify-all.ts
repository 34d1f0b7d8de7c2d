import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Choice, ScenarioResult } from './certify-scenario.ts'
import type { Task, TaskAnswer } from './certify-worker.ts'
import type { Scenario } from './scenarios.ts'

/** Goes through scenarios in so many processes at once; results in the order of the scenarios, each told when it is there. */
export async function certifyAll(
  scenarios: readonly Scenario[],
  choice: Choice,
  options: { readonly workers: number; readonly onResult: (result: ScenarioResult) => void },
): Promise<readonly ScenarioResult[]> {
  const results = new Map<string, ScenarioResult>()
  const waiting = [...scenarios]
  const work = async () => {
    const worker = fork(workerFile, { execArgv: ['--import', 'tsx'] })
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const result = await ask(worker, next, choice)
        results.set(next.name, result)
        options.onResult(result)
      }
    } finally {
      worker.disconnect()
      await once(worker, 'exit')
    }
  }
  await Promise.all(Array.from({ length: Math.min(options.workers, scenarios.length) }, work))
  return scenarios.map(({ name }) => results.get(name) as ScenarioResult)
}

const workerFile = fileURLToPath(new URL('certify-worker.ts', import.meta.url))

/** A scenario that is not right even undisturbed is one failure. */
async function ask(worker: ChildProcess, { name, claim }: Scenario, choice: Choice): Promise<ScenarioResult> {
  const task: Task = { scenario: name, choice }
  worker.send(task)
  const over = new AbortController()
  const died = once(worker, 'exit', over).then(([code]) => ({ thrown: `its process ended with ${String(code)}` }))
  const answered = once(worker, 'message', over).then(([message]) => message as TaskAnswer)
  const answer: TaskAnswer = await Promise.race([answered, died])
  died.catch(() => {})
  over.abort()
  if ('result' in answer) return answer.result
  const failure = { schedule: name, call: 'undisturbed', problems: [answer.thrown] }
  return { name, claim, calls: { landing: 0, lake: 0, state: 0, catalog: 0 }, ran: {}, failures: [failure] }
}
