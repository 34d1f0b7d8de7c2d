import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { rowsOf, test } from './support/lab-test.ts'

/** More than fit on the stack as arguments of one call, and 130 pages of a listing. */
const files = 130_000

test('a table of very many files that cannot be read is held, in time, and stops no other', {
  timeout: 900_000,
}, async ({ lab }) => {
  await lab.land('s/a/LOAD00000001.parquet', rowsOf({ id: 'integer' }, [[1]]))
  const folder = join(lab.landing, 's/z')
  await mkdir(folder, { recursive: true })
  for (let at = 0; at < files; at++) {
    const time = new Date(at).toISOString().slice(11, 23).replaceAll(/[:.]/gu, '')
    await writeFile(join(folder, `20240101-${time}.parquet`), 'x')
  }
  await lab.run()
  await lab.set('s.*', { active: true, primaryKey: 'id' })
  const cpu = process.cpuUsage()
  const reports = await lab.run()
  const { user, system } = process.cpuUsage(cpu)
  expect(reports).toMatchObject([
    { table: 's.a', status: 'initial', error: null },
    { table: 's.z', status: 'held', error: { kind: 'bad-landing' } },
  ])
  expect((user + system) / 1e6).toBeLessThan(60)
})
