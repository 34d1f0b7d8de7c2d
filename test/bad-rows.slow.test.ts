import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { filesBelow, test } from './support/lab-test.ts'
import { landChanges, loaded } from './support/two-tables.ts'

describe('a state row', () => {
  const wrong: [string, unknown][] = [
    ['ActiveFlag', 'maybe'],
    ['PrimaryKey', 'id,id'],
    ['PrimaryKey', 5],
    ['PartitionKey', 'a,,b'],
    ['out_path', 7],
    ['out_path', '/somewhere/../else/'],
    ['folder', '../t/'],
    ['Publish', 'glue'],
    ['Publish', 'iceberg'],
    ['Retain', 'soon'],
    ['LookBack', '-1d'],
    ['LoadSettle', '30'],
    ['LandingTimezone', 'Mars/Olympus'],
    ['KeepOp', 'perhaps'],
    ['BeforeImagePrefix', 5],
    ['CsvColumns', 'id'],
    ['CsvHeader', 'perhaps'],
    ['CsvNullValue', 5],
    ['CsvDelimiter', ';;'],
    ['Rfc4180', 'perhaps'],
    ['SequenceColumn', 'a,b'],
    ['RememberDeletes', 'a week'],
    ['OnVanish', 'perhaps'],
    ['Landed', 'delete:soon'],
    ['LastIncrementalFile', 5],
    ['LastFullLoadDate', 'yesterday'],
    ['MirroredIncrementalFile', 5],
    ['MirroredFullLoadDate', 'yesterday'],
    ['Version', -1],
    ['Digest', 5],
    ['Published', 'iceberg'],
    ['CatalogTable', 'sales.orders'],
  ]
  test.for(wrong)(
    'with %s = %j holds its table alone, names it, and is freed by the old value',
    async ([attribute, value], { lab }) => {
      await loaded(lab)
      const path = join(lab.state, 's/t.json')
      const before = await readFile(path, 'utf8')
      await writeFile(path, JSON.stringify({ ...JSON.parse(before), [attribute]: value }))
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']], 'other')
      const reports = await lab.run()
      expect(reports).toMatchObject([
        { table: 's.other', status: 'incremental', error: null },
        { table: 's.t', status: 'held', error: { kind: 'invalid-config' } },
      ])
      expect(reports[1]?.error?.message).toMatch(
        new RegExp(`^state row of s\\.t: attribute ${attribute} is .*, expected `, 'u'),
      )
      await writeFile(path, before)
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    },
  )

  test.for(['{"ActiveFlag": "tru', '', '[]', 'null', '"text"'])(
    'that reads %j holds its table alone',
    async (body, { lab }) => {
      await loaded(lab)
      const path = join(lab.state, 's/t.json')
      const before = await readFile(path, 'utf8')
      await writeFile(path, body)
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']], 'other')
      const reports = await lab.run()
      expect(reports).toMatchObject([
        { table: 's.other', status: 'incremental', error: null },
        { table: 's.t', error: { kind: 'invalid-config' } },
      ])
      expect(await readFile(path, 'utf8')).toBe(body)
      await writeFile(path, before)
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'incremental', error: null })
    },
  )

  test.for([
    ['the same lake folder', 's/', 't/'],
    ['a lake folder inside', 's/t/', 'inner/'],
    ['a lake folder around', '', 's/'],
  ] as const)('with %s as another holds both', async ([, outPath, folder], { lab }) => {
    await loaded(lab)
    const path = join(lab.state, 's/other.json')
    const before = await readFile(path, 'utf8')
    await writeFile(
      path,
      JSON.stringify({ ...JSON.parse(before), out_path: `${lab.ports.lake.place}${outPath}`, folder }),
    )
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
    await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']], 'other')
    const files = await filesBelow(lab.lake)
    const reports = await lab.run()
    expect(reports).toMatchObject([
      { table: 's.other', status: 'held', error: { kind: 'invalid-config' } },
      { table: 's.t', status: 'held', error: { kind: 'invalid-config' } },
    ])
    expect(reports[1]?.error?.message).toContain('s.other')
    expect(await filesBelow(lab.lake)).toEqual(files)
  })

  test.for(['/elsewhere/', '../', '_dmscdc/'])(
    'with out_path at %j, outside of the lake, holds its table',
    async (outPath, { lab }) => {
      await loaded(lab)
      const path = join(lab.state, 's/t.json')
      const place = outPath.startsWith('/') ? outPath : `${lab.ports.lake.place}${outPath}`
      await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), out_path: place }))
      await landChanges(lab, '20240101-000000000', [['U', 1, 'changed']])
      expect(await lab.runOne('s.t')).toMatchObject({ status: 'held', error: { kind: 'invalid-config' } })
    },
  )
})
