import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { startMariadb } from './support/mariadb.ts'
import { onDisk } from './torture/arena.ts'
import { torment } from './torture/torment.ts'

const server = await startMariadb()
afterAll(() => server?.stop())

describe.skipIf(server === null)('a database under random writers, with DMS restarted and runs killed', () => {
  test('has an equal lake whenever it comes to rest', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmscdc-torture-'))
    const { findings, tally } = await torment({
      ...{ server: server!, arena: onDisk(folder), folder, seed: 5, writers: 2 },
      ...{ minutes: 0.7, checkEveryMinutes: 0.4 },
      say: (line) => void process.stdout.write(`${line}\n`),
    })
    // Kept where it failed: nobody could tell otherwise how it came about.
    expect(findings, folder).toEqual([])
    for (const what of ['transactions', 'runs', 'restarts', 'change files', 'reconciled'])
      expect(tally.get(what), what).toBeGreaterThan(0)
    rmSync(folder, { recursive: true, force: true })
  }, 900_000)
})
