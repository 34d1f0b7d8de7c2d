import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { mutants } from './model/mutants.ts'
import { bundleModel } from './model/mutate.ts'

const folder = await mkdtemp(join(tmpdir(), 'dmscdc-model-'))
afterAll(() => rm(folder, { recursive: true, force: true }))

test('the model finds nothing in the code as it is', async () => {
  const file = join(folder, 'whole.mjs')
  await bundleModel(null, file)
  expect(await runModel(file, ['--small'])).toMatch(/, 0 broken\n$/u)
})

test.each(mutants)('the model finds the defect: $defect', async (mutant) => {
  const file = join(folder, 'spoilt.mjs')
  await bundleModel(mutant, file)
  const found = /^broken: (.*)$/mu.exec(await runModel(file, ['--only', mutant.scenario]))?.[1]
  expect(mutant.breaks).toContain(found)
})

async function runModel(file: string, options: readonly string[]): Promise<string> {
  const run = spawn(process.execPath, [file, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [stdout] = await Promise.all([text(run.stdout), once(run, 'close')])
  return stdout
}
