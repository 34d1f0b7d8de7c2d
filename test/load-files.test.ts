import { describe, expect } from 'vitest'
import { skipFile } from '../src/controller/landing-commands.ts'
import { test } from './support/lab-test.ts'
import { id, landChanges, landLoad, values } from './support/plain-table.ts'

describe('the LOAD files of a generation', () => {
  test('are all loaded: hexadecimal names, segment folders and SEGMENT prefixes, also for equal base names', async ({
    lab,
  }) => {
    const keys = [
      'LOAD00000001',
      'LOAD00000009',
      'LOAD0000000A',
      'LOADFFFFFFFF',
      'SEGMENT1_LOAD00000001',
      'segment a/LOAD00000001',
      'region=Köln 50%/LOAD00000001',
      '2024/LOAD00000001',
    ]
    for (const [at, key] of keys.entries()) await landLoad(lab, key, [[at, key]])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: keys.length })
    expect(await values(lab)).toEqual(Object.fromEntries(keys.map((key, at) => [String(at), key])))
  })

  test('may have an Op column', async ({ lab }) => {
    await landChanges(lab, 'LOAD00000001', [
      ['I', 1, 'a'],
      ['I', 2, 'b'],
    ])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 2 }, error: null })
  })

  test('come before all changes of the first load, whatever the dates', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [
      [1, 'load'],
      [2, 'load'],
    ])
    await landChanges(lab, '20200101-000000000', [
      ['U', 1, 'changed'],
      ['D', 2, null],
    ])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', files: 2, error: null })
    expect(await values(lab)).toEqual({ 1: 'changed' })
  })

  test('that come late belong to it, and rows changed since win', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [[1, 'load 1']])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    await landChanges(lab, '20240101-000000000', [
      ['U', 2, 'changed'],
      ['D', 3, null],
      ['I', 5, 'new'],
    ])
    await lab.run()
    await landLoad(lab, 'LOAD00000002', [
      [2, 'load 2'],
      [3, 'load 2'],
      [4, 'load 2'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    expect(await values(lab)).toEqual({ 1: 'load 1', 2: 'changed', 4: 'load 2', 5: 'new' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('that come late together with new changes', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [[1, 'load 1']])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
    await lab.run()
    await landLoad(lab, 'LOAD00000002', [
      [2, 'load 2'],
      [3, 'load 2'],
    ])
    await landChanges(lab, '20240101-000000001', [
      ['U', 2, 'changed later'],
      ['D', 3, null],
    ])
    await lab.run()
    expect(await values(lab)).toEqual({ 1: 'changed', 2: 'changed later' })
  })

  test('after a table of changes only come before those changes', async ({ lab }) => {
    await landChanges(lab, '20240101-000000000', [
      ['U', 1, 'changed'],
      ['D', 2, null],
    ])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', changes: { inserted: 1 } })
    await landLoad(lab, 'LOAD00000001', [
      [1, 'load'],
      [2, 'load'],
      [3, 'load'],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({ error: null })
    expect(await values(lab)).toEqual({ 1: 'changed', 3: 'load' })
  })
})

describe('a table without rows', () => {
  test('may begin with an empty full load, and goes on', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', version: 0, filesAdded: 0, error: null })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
    await landChanges(lab, '20240101-000000000', [['I', 1, 'first']])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1 } })
    expect(await values(lab)).toEqual({ 1: 'first' })
  })

  test('may be what changes leave, and goes on', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [
      [1, 'a'],
      [2, 'b'],
    ])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    await landChanges(lab, '20240101-000000000', [
      ['D', 1, null],
      ['D', 2, null],
    ])
    expect(await lab.runOne('s.t')).toMatchObject({
      changes: { deleted: 2 },
      filesAdded: 0,
      filesRemoved: 1,
      error: null,
    })
    expect(await lab.verify()).toMatchObject([{ ok: true, rows: 0, files: 0 }])
    await landChanges(lab, '20240101-000000001', [['U', 1, 'again']])
    expect(await lab.runOne('s.t')).toMatchObject({ changes: { inserted: 1 } })
    expect(await values(lab)).toEqual({ 1: 'again' })
  })

  test('an empty LOAD file among others adds nothing', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [])
    await landLoad(lab, 'LOAD00000002', [[1, 'a']])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ files: 2, changes: { inserted: 1 } })
  })
})

describe('a damaged LOAD file', () => {
  test('holds the table with nothing loaded, until it lands again', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [[1, 'a']])
    await lab.landBytes('s/t/LOAD00000002.parquet', 'PAR1 and nothing more')
    await landChanges(lab, '20240101-000000000', [['U', 2, 'changed']])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    const held = await lab.runOne('s.t')
    expect(held).toMatchObject({ status: 'held', version: null, error: { kind: 'bad-landing' } })
    expect(held.error?.message).toContain('LOAD00000002.parquet')
    await landLoad(lab, 'LOAD00000002', [[2, 'b']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await values(lab)).toEqual({ 1: 'a', 2: 'changed' })
  })

  test('can be skipped, before anything was loaded', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [[1, 'a']])
    await lab.landBytes('s/t/LOAD00000002.parquet', 'no Parquet')
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'held' })
    await skipFile(lab.ports, id, 'LOAD00000002.parquet', 'damaged')
    expect(await lab.runOne('s.t')).toMatchObject({ error: null, changes: { inserted: 1 } })
    expect(await values(lab)).toEqual({ 1: 'changed' })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'idle' })
  })

  test('that was skipped and lands again whole is a reload of the table', async ({ lab }) => {
    await landLoad(lab, 'LOAD00000001', [[1, 'a']])
    await lab.landBytes('s/t/LOAD00000002.parquet', 'no Parquet')
    await lab.set('s.t', { active: true, primaryKey: 'id' })
    await lab.run()
    await skipFile(lab.ports, id, 'LOAD00000002.parquet', 'damaged')
    await lab.run()
    await landLoad(lab, 'LOAD00000002', [[2, 'b']])
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', error: null })
    expect(await values(lab)).toEqual({ 1: 'a', 2: 'b' })
  })
})
