import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { replayFile } from '../src/controller/landing-commands.ts'
import { columns, found, landChanges, load, loaded, nameOf, run } from './support/combined-table.ts'
import { rowsOf, test } from './support/lab-test.ts'
import { id } from './support/plain-table.ts'

describe('a batch that widens a column', () => {
  test('moves partitions, changes a key and deletes by the key alone, all in one file', async ({ lab }) => {
    await loaded(
      lab,
      [
        [1, 'a', 'x'],
        [2, 'a', 'x'],
        [3, 'b', 'x'],
        [4, 'b', 'x'],
      ],
      { partitionKey: 'p' },
    )
    const wide = { ...columns, id: 'bigint', BI_id: 'bigint' }
    await landChanges(
      lab,
      1,
      [
        ['U', 1, 'b', 'moved', null],
        ['U', 5_000_000_000, 'a', 'other key', 2],
        ['D', 3, null, null, null],
        ['I', 6, null, 'new', null],
      ],
      wide,
    )
    await run(lab)
    expect(await found(lab)).toEqual([
      { id: '1', p: 'b', v: 'moved' },
      { id: '4', p: 'b', v: 'x' },
      { id: '6', p: null, v: 'new' },
      { id: '5000000000', p: 'a', v: 'other key' },
    ])
  })

  test('that is a partition column, by a file that comes late, while the rows move', async ({ lab }) => {
    const types = { id: 'integer', n: 'integer', v: 'varchar' }
    await lab.land(
      load,
      rowsOf(types, [
        [1, 1, 'x'],
        [2, 2, 'x'],
      ]),
    )
    await lab.set('s.t', { active: true, primaryKey: 'id', partitionKey: 'n' })
    await run(lab)
    await landChanges(lab, 2, [['U', 1, 2, 'later']], types)
    await run(lab)
    await landChanges(
      lab,
      1,
      [
        ['U', 1, 3_000_000_000, 'earlier'],
        ['U', 2, 3_000_000_000, 'earlier'],
      ],
      { ...types, n: 'bigint' },
    )
    await run(lab)
    expect(await found(lab)).toMatchObject([
      { id: 1, n: '2', v: 'later' },
      { id: 2, n: '3000000000', v: 'earlier' },
    ])
  })

  test('comes with a replay of what was narrow, and with other keys', async ({ lab }) => {
    await loaded(lab, [
      [1, 'a', 'x'],
      [2, 'b', 'x'],
    ])
    await landChanges(lab, 1, [['U', 1, 'b', 'one']])
    await run(lab)
    await landChanges(lab, 2, [['I', 3_000_000_000, 'c', 'wide']], { ...columns, id: 'bigint' })
    await replayFile(lab.ports, id, nameOf(1))
    await lab.set('s.t', { primaryKey: 'id,p', partitionKey: 'p' })
    await run(lab)
    expect(await found(lab)).toEqual([
      { id: '1', p: 'b', v: 'one' },
      { id: '2', p: 'b', v: 'x' },
      { id: '3000000000', p: 'c', v: 'wide' },
    ])
  })
})

describe('a file that was written again after it was taken', () => {
  test('beside one that comes late before it, and new ones, with partitions that move', async ({ lab }) => {
    await loaded(
      lab,
      [
        [1, 'a', 'x'],
        [2, 'a', 'x'],
        [3, 'a', 'x'],
      ],
      { partitionKey: 'p' },
    )
    await landChanges(lab, 2, [['U', 1, 'b', 'two']])
    await landChanges(lab, 4, [['U', 2, 'b', 'four']])
    await run(lab)
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await landChanges(lab, 2, [
      ['U', 1, 'c', 'two, again'],
      ['U', 2, 'c', 'two, again'],
    ])
    await landChanges(lab, 1, [
      ['U', 1, 'd', 'late'],
      ['U', 3, 'd', 'late'],
    ])
    await landChanges(lab, 5, [['I', 5, 'e', 'new']])
    await run(lab)
    expect(await found(lab)).toEqual([
      { id: 1, p: 'c', v: 'two, again' },
      { id: 2, p: 'b', v: 'four' },
      { id: 3, p: 'd', v: 'late' },
      { id: 5, p: 'e', v: 'new' },
    ])
  })

  test('holds a table without a key, and what comes late with it is not taken either', async ({ lab }) => {
    await loaded(lab, [[1, 'a', 'x']], { primaryKey: '' })
    await landChanges(lab, 2, [['I', 2, 'a', 'two']])
    await run(lab)
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await landChanges(lab, 2, [['I', 2, 'a', 'other']])
    await landChanges(lab, 1, [['I', 9, 'a', 'late']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'bad-landing' } })
    await rm(join(lab.landing, 's/t', nameOf(2)))
    await landChanges(lab, 2, [['I', 2, 'a', 'two']])
    await run(lab)
    expect(await found(lab)).toMatchObject([{ id: 1 }, { id: 2, v: 'two' }, { id: 9 }])
  })
})
