import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { planTables } from '../src/controller/plan-tables.ts'
import { isCommit } from './faults/schedule.ts'
import { asProcess, faultyPorts, interceptPorts, startTestProcess } from './support/faulty-ports.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { id, nameOf } from './support/plain-table.ts'
import {
  expectProven,
  goOn,
  kept,
  landChanges,
  loaded,
  operations,
  restore,
  row,
  run,
} from './support/restored-table.ts'
import { cursorTo, editRow, readRow } from './support/row-file.ts'

describe('after a restore', () => {
  test('the same command makes no second one, and sets the table inactive again', async ({ lab }) => {
    await loaded(lab)
    expect(await restore(lab, 1)).toBe(4)
    await lab.set('s.t', { active: true })
    expect(await restore(lab, 1)).toBe(4)
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', Version: 4 })
    expect(await operations(lab)).toEqual(['INITIAL', 'MERGE', 'MERGE', 'MERGE', 'RESTORE'])
  })

  test('what it took back counts for nothing: replay asks for none of those files, verify for all of them', async ({
    lab,
  }) => {
    await loaded(lab)
    await restore(lab, 1)
    await rm(join(lab.landing, 's/t', nameOf(3)))
    await replayFile(lab.ports, id, nameOf(1))
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, v: 'one' },
      { id: 3, v: 'two' },
    ])
  })

  test('Landed takes away no file that only a commit took which it took back', async ({ lab }) => {
    await loaded(lab, { ...kept, lookBack: '1h' })
    const late = '20231231-000000000.parquet'
    await lab.land(`s/t/${late}`, rowsOf({ Op: 'varchar', ...row }, [['U', 2, 'b', 'late']]))
    await replayFile(lab.ports, id, late)
    await run(lab)
    await restore(lab, 3)
    await lab.set('s.t', { active: true, landed: 'delete' })
    await run(lab)
    expect(await filesBelow(join(lab.landing, 's/t'))).toEqual([late, nameOf(3), 'LOAD00000001.parquet'])
    expect(await lab.verify()).toMatchObject([{ problems: [{ kind: 'untaken', path: `s/t/${late}` }] }])
  })

  test('a cursor that was edited before it is void, one edited under it is obeyed', async ({ lab }) => {
    await loaded(lab)
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    await restore(lab, 0)
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 3 }, { id: 4 }])
    expect(await operations(lab)).not.toContain('REPLAY')

    const edit = await cursorTo(lab, nameOf(3))
    const edited = interceptPorts(lab.ports, async (call, proceed) => {
      if (isCommit(call)) await editRow(lab, edit)
      return proceed()
    })
    await editRow(lab, await cursorTo(lab, nameOf(2)))
    await restore(lab, 0, { ports: edited })
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', ...edit })
    await goOn(lab)
    expect(await lab.rows('s.t', 'id')).toMatchObject([
      { id: 1, v: 'load' },
      { id: 2, v: 'load' },
    ])
  })
})

describe('a restore whose run dies after its commit', () => {
  for (const { name, active } of [
    { name: 'is finished by the next run, which sets the table inactive', active: true },
    { name: 'of a table that was inactive already is finished by the next run too', active: false },
  ])
    test(name, async ({ lab }) => {
      let first: unknown
      await loaded(lab, { ...kept, partitionKey: 'p' }, async () => {
        first ??= await lab.rows('s.t')
      })
      await lab.set('s.t', { active })
      const { ports } = faultyPorts(lab.ports, { at: isCommit, kind: 'die-after' })
      await asProcess(ports, (own) => expect(restore(lab, 0, { ports: own })).rejects.toThrow())
      expect(await readRow(lab)).toMatchObject({ ActiveFlag: String(active), Version: 3 })
      expect(await planTables(lab.ports, [])).toMatchObject([{ work: 'inactive', inputs: [] }])
      await asProcess(lab.ports, async (own) =>
        expect(await lab.runOne('s.t', { ports: own })).toMatchObject({ status: 'inactive', error: null, files: 0 }),
      )
      expect(await lab.rows('s.t')).toEqual(first)
      expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', Version: 4 })
      await expectProven(lab)
      await goOn(lab)
      expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 3 }, { id: 4 }])
    })
})

describe('a run that read the row before a restore', () => {
  test('takes nothing again, also where its own commit is the one that came too late', async ({ lab }) => {
    let first: unknown
    await loaded(lab, kept, async () => {
      first ??= await lab.rows('s.t')
    })
    await landChanges(lab, 4, [['I', 5, 'd', 'four']])
    const sleeper = startTestProcess()
    const asleep = interceptPorts({ ...lab.ports, holder: sleeper.holder }, async (call, proceed) => {
      if (isCommit(call) && call.target.endsWith('4.json')) {
        sleeper.end()
        await asProcess(lab.ports, (own) => restore(lab, 0, { ports: own }))
      }
      return proceed()
    })
    expect(await lab.runOne('s.t', { ports: asleep })).toMatchObject({ status: 'inactive', error: null, files: 0 })
    expect(await operations(lab)).toEqual(['INITIAL', 'MERGE', 'MERGE', 'MERGE', 'RESTORE'])
    expect(await lab.rows('s.t')).toEqual(first)
    expect(await readRow(lab)).toMatchObject({ ActiveFlag: 'false', Version: 4 })
    await expectProven(lab)
  })

  for (const active of [true, false])
    test(`works by the row as it is when its lease is taken: ${active ? 'set active again' : 'inactive'}`, async ({
      lab,
    }) => {
      await loaded(lab)
      let restored = false
      const late = interceptPorts(lab.ports, async (call, proceed) => {
        if (call.port === 'landing' && call.verb === 'list' && call.target === 's/t/' && !restored) {
          restored = true
          await restore(lab, 0)
          await lab.set('s.t', { active })
        }
        return proceed()
      })
      await landChanges(lab, 4, [['I', 5, 'd', 'four']])
      const expected = active ? { status: 'incremental', files: 4 } : { status: 'inactive', files: 0 }
      expect(await lab.runOne('s.t', { ports: late })).toMatchObject({ error: null, ...expected })
      const { LastIncrementalFile, MirroredIncrementalFile, ActiveFlag } = await readRow(lab)
      expect([ActiveFlag, MirroredIncrementalFile]).toEqual([String(active), LastIncrementalFile])
      await goOn(lab)
      expect(await lab.rows('s.t', 'id')).toMatchObject([{ id: 1 }, { id: 3 }, { id: 4 }, { id: 5 }])
    })
})
