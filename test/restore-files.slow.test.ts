import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { restoreTable } from '../src/controller/restore-table.ts'
import type { Ports } from '../src/ports.ts'
import type { Lab } from './support/lab.ts'
import { filesBelow, test } from './support/lab-test.ts'
import { nameOf } from './support/plain-table.ts'
import {
  expectProven,
  goOn,
  kept,
  landChanges,
  landLoad,
  loaded,
  operations,
  restore,
  run,
} from './support/restored-table.ts'
import { readRow } from './support/row-file.ts'

const retained = (lab: Lab) => join(lab.lake, '_dmscdc/s/t/retained')

describe('restore takes the files of the version', () => {
  test('that are still listed as they lie, and stages the others under new names', async ({ lab }) => {
    await landLoad(lab)
    await lab.set('s.t', { active: true })
    await run(lab)
    const [first] = await filesBelow(join(lab.lake, 's/t'))
    await landChanges(lab, 1, [['I', 3, 'a', 'one']])
    await run(lab)
    await restore(lab, 0)
    expect(await filesBelow(join(lab.lake, 's/t'))).toEqual([first])
    await goOn(lab)
    const names = await filesBelow(join(lab.lake, 's/t'))
    await restore(lab, 1).catch((thrown: unknown) => expect(String(thrown)).toContain('are gone'))
    expect(await filesBelow(join(lab.lake, 's/t'))).toEqual(names)
  })

  test('also where their time is over but no commit has come since', async ({ lab }) => {
    let first: unknown
    await loaded(lab, { primaryKey: 'id', retain: '1h' }, async () => {
      first ??= await lab.rows('s.t')
    })
    const later = laterBy(lab.ports, 2 * 3_600_000)
    await restore(lab, 0, { ports: later })
    expect(await lab.rows('s.t')).toEqual(first)
    await expectProven(lab)
    expect(await filesBelow(retained(lab))).toHaveLength(2)
  })

  test('and refuses what is gone by name, saying what would have kept it; nothing has changed then', async ({
    lab,
  }) => {
    await loaded(lab, { primaryKey: 'id' })
    const before = { row: await readRow(lab), rows: await lab.rows('s.t') }
    const refused = restore(lab, 1)
    await expect(refused).rejects.toThrow(
      /^s\.t cannot go back to version 1: 1 of its 1 data files are gone, part-\w+\.parquet first; .*Retain is 0/u,
    )
    await expect(refused).rejects.toMatchObject({ hint: expect.stringContaining('dmscdc set s.t --retain 7d') })
    expect({ row: await readRow(lab), rows: await lab.rows('s.t') }).toMatchObject({
      row: { ActiveFlag: before.row.ActiveFlag, Version: before.row.Version },
      rows: before.rows,
    })
    await expectProven(lab)
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('and none whose bytes are not what the log says', async ({ lab }) => {
    await loaded(lab)
    const [first = ''] = await filesBelow(retained(lab))
    const path = join(retained(lab), first)
    const bytes = await readFile(path)
    bytes[40] = (bytes[40] ?? 0) ^ 1
    await rm(path)
    await writeFile(path, bytes)
    await expect(restore(lab, 0)).rejects.toMatchObject({ kind: 'corrupt-lake' })
    await expectProven(lab)
    expect(await operations(lab)).not.toContain('RESTORE')
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'true' })
  })
})

describe('restore refuses', () => {
  test('a table without a log, its own version, and one that there never was', async ({ lab }) => {
    await landLoad(lab)
    await lab.run()
    await expect(restore(lab, 0)).rejects.toThrow('was not loaded yet')
    await lab.set('s.t', { active: true, ...kept })
    await run(lab)
    await expect(restore(lab, 0)).rejects.toThrow('stands at version 0')
    await expect(restore(lab, 7)).rejects.toThrow('has no version 7, the newest is 0')
    await expect(
      restoreTable(lab.ports, { schema: 's', table: 'x' }, { version: 0, keepProgress: false }),
    ).rejects.toThrow('there is no table s.x')
  })

  test('where landing files that would have to be taken again are gone, unless the progress is kept', async ({
    lab,
  }) => {
    await loaded(lab)
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await expect(restore(lab, 1)).rejects.toThrow(
      `1 landing files that were taken since that version are gone, ${nameOf(2)} first`,
    )
    await restore(lab, 1, { keepProgress: true })
    await expectProven(lab)
  })
})

function laterBy(ports: Ports, ms: number): Ports {
  return { ...ports, clock: { ...ports.clock, nowMs: () => ports.clock.nowMs() + ms } }
}
