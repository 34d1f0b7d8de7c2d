import { scenarioNamed } from './all-scenarios.ts'
import { type Choice, certifyScenario, type ScenarioResult } from './certify-scenario.ts'
import { openWorkshop } from './workshop.ts'

/** What a worker is sent, one at a time. */
export type Task = { readonly scenario: string; readonly choice: Choice }
export type TaskAnswer = { readonly result: ScenarioResult } | { readonly thrown: string }

const shop = await openWorkshop()

process.on('message', ({ scenario, choice }: Task) => {
  certifyScenario(shop, scenarioNamed(scenario), choice).then(
    (result) => answer({ result }),
    (thrown: unknown) => answer({ thrown: thrown instanceof Error ? thrown.message : String(thrown) }),
  )
})
process.on('disconnect', () => {
  shop.close().finally(() => process.exit())
})

function answer(said: TaskAnswer): void {
  process.send?.(said)
}
