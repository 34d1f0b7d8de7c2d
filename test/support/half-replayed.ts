import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { replayFile } from '../../src/controller/landing-commands.ts'
import type { SetOptions } from '../../src/state/row.ts'
import type { Lab } from './lab.ts'
import { id, landDay, landLoad, nameOf } from './plain-table.ts'

export const eachAlone = (lab: Lab) => ({ ports: { ...lab.ports, batchBytesMax: 1 } })

/** Two keys, each with an update in every one of three change files, all taken. */
export async function threeDays(lab: Lab, options: SetOptions): Promise<void> {
  await landLoad(lab, 'LOAD00000001', [
    [1, 'load'],
    [2, 'load'],
  ])
  await lab.set('s.t', { active: true, primaryKey: 'id', ...options })
  await lab.run()
  for (const day of [1, 2, 3]) {
    const updates = [1, 2].map((key) => ['U', key, `day ${String(day)}`])
    await landDay(lab, day, updates)
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
  }
}

/** A replay that stops behind its first file; what it returns lets it go on. */
export async function halfReplayed(lab: Lab): Promise<() => Promise<void>> {
  const second = join(lab.landing, 's', 't', nameOf(2))
  const whole = await readFile(second)
  await replayFile(lab.ports, id, nameOf(1))
  await writeFile(second, whole.subarray(0, 20))
  expect(await lab.runOne('s.t', eachAlone(lab))).toMatchObject({ status: 'held', files: 1 })
  return async () => {
    await writeFile(second, whole)
    expect(await lab.runOne('s.t', eachAlone(lab))).toMatchObject({ error: null, files: 2 })
  }
}
