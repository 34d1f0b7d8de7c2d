import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test as plainTest } from 'vitest'
import { type Lab, openLab } from './lab.ts'

export { type Cell, rowsOf } from './rows-of.ts'

/** A test that has a lab of its own. */
export const test = plainTest.extend<{ lab: Lab }>({
  lab: async ({ task: _ }, use) => {
    const lab = await openLab()
    await use(lab)
    await lab.close()
  },
})

/** The keys below a folder, in order; empty where there is none. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}
