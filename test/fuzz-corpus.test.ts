import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { seededRandom } from './e2e/seeded-random.ts'
import { bad, type Target } from './fuzz/case.ts'
import { runTarget } from './fuzz/run-case.ts'

/** What once failed: landing files under their own endings, and state rows. */
const corpus = new URL('./fuzz/corpus/', import.meta.url)

test.for(readdirSync(corpus))('%s is held or taken, alone, and leaves no trace', { timeout: 600_000 }, async (name) => {
  const { findings } = await runTarget(targetOf(name), seededRandom(1))
  expect(findings).toEqual([])
})

function targetOf(name: string): Target {
  const body = readFileSync(new URL(name, corpus))
  const key = `bad/t/20240101-000000005.${name.slice(name.indexOf('.') + 1)}`
  return {
    stores: ['file'],
    async prepare(world) {
      if (!name.endsWith('.row.json')) {
        await world.land(key, body)
        return { label: name, landed: [key] }
      }
      const before = await world.readRow(bad)
      await world.writeRow(bad, JSON.stringify({ ...before, ...JSON.parse(body.toString()) }))
      return { label: name, landed: [], others: true }
    },
  }
}
