import { describe, expect } from 'vitest'
import { type Cell, filesBelow, test } from './support/lab-test.ts'
import { change, folders, keyed, loaded, partitionValues } from './support/partitioned-table.ts'

describe('partition folders', () => {
  /** Value, and the folder in which Spark would look for it. */
  const escaped: [string, string][] = [
    ['07094', '07094'],
    ['a b', 'a b'],
    [' leading and trailing ', ' leading and trailing '],
    ['100%', '100%25'],
    ['%2e', '%252e'],
    ['a/b', 'a%2Fb'],
    ['..', '..'],
    ['a:b', 'a%3Ab'],
    ['a=b', 'a%3Db'],
    ['a?b*c', 'a%3Fb%2Ac'],
    ['[x]{y}', '%5Bx%5D%7By}'],
    ['it’s', 'it’s'],
    ["it's", 'it%27s'],
    ['say "x"', 'say %22x%22'],
    ['back\\slash', 'back%5Cslash'],
    ['#1^2', '%231%5E2'],
    ['a+b&c,d;e~f.g!', 'a+b&c,d;e~f.g!'],
    ['ü', 'ü'],
    ['🦆', '🦆'],
    ['tab\tline\n', 'tab%09line%0A'],
    ['NULL', 'NULL'],
    ['null', 'null'],
  ]

  test('are escaped as Spark escapes them, and the log has the values as they are', async ({ lab }) => {
    const types = { id: 'integer', p: 'varchar' }
    await loaded(
      lab,
      types,
      escaped.map(([value], id) => [id, value]),
      keyed,
    )
    expect((await folders(lab)).sort()).toEqual(escaped.map(([, folder]) => `p=${folder}/`).sort())
    expect((await partitionValues(lab, 'p')).sort()).toEqual(escaped.map(([value]) => value).sort())
  })

  test('of every such value are found again by a change', async ({ lab }) => {
    const types = { id: 'integer', p: 'varchar', v: 'varchar' }
    await loaded(
      lab,
      types,
      escaped.map(([value], id) => [id, value, 'old']),
      keyed,
    )
    const report = await change(
      lab,
      types,
      escaped.map(([value], id) => ['U', id, value, id % 2 === 0 ? 'old' : 'new']),
    )
    const updated = escaped.filter((_, id) => id % 2 === 1).length
    expect(report).toMatchObject({ filesRewritten: updated, filesRemoved: updated, changes: { updated, inserted: 0 } })
    expect((await folders(lab)).sort()).toEqual(escaped.map(([, folder]) => `p=${folder}/`).sort())
  })

  test('hold files that do not have the column', async ({ lab }) => {
    await loaded(lab, { id: 'integer', p: 'varchar' }, [[1, 'x']], keyed)
    const [file] = await filesBelow(`${lab.lake}/s/t`)
    const columns = await lab.sql(
      `select name from parquet_schema('${lab.lake}/s/t/${file ?? ''}') where num_children is null`,
    )
    expect(columns).toEqual([{ name: 'id' }])
  })

  test('NULL and the empty text share one, and both are NULL', async ({ lab }) => {
    const types = { id: 'integer', p: 'varchar' }
    await loaded(
      lab,
      types,
      [
        [1, null],
        [2, ''],
        [3, 'x'],
      ],
      keyed,
    )
    expect(await folders(lab)).toEqual(['p=__HIVE_DEFAULT_PARTITION__/', 'p=x/'])
    expect(await lab.rows('s.t', 'id')).toEqual([
      { id: 1, p: null },
      { id: 2, p: null },
      { id: 3, p: 'x' },
    ])
    const report = await change(lab, types, [
      ['U', 1, ''],
      ['U', 2, null],
      ['U', 3, ''],
    ])
    expect(report).toMatchObject({ changes: { updated: 1, unchanged: 2 } })
    expect(await folders(lab)).toEqual(['p=__HIVE_DEFAULT_PARTITION__/'])
  })

  test('leading zeros stay', async ({ lab }) => {
    const types = { id: 'integer', p: 'varchar' }
    await loaded(
      lab,
      types,
      [
        [1, '07094'],
        [2, '7094'],
      ],
      keyed,
    )
    await change(lab, types, [['U', 2, '007094']])
    expect((await folders(lab)).sort()).toEqual(['p=007094/', 'p=07094/'])
  })

  test('of a column with a name that needs it are escaped too', async ({ lab }) => {
    const types = { id: 'integer', 'a/b c=d': 'varchar' }
    await loaded(lab, types, [[1, 'x']], { primaryKey: 'id', partitionKey: 'a/b c=d' })
    expect(await folders(lab)).toEqual(['a%2Fb c%3Dd=x/'])
    await change(lab, types, [['U', 1, 'y']])
    expect(await folders(lab)).toEqual(['a%2Fb c%3Dd=y/'])
  })

  test('may be many, of which a change touches its own', async ({ lab }) => {
    await lab.land(
      's/t/LOAD00000001.parquet',
      'select range::integer as id, (range % 50)::integer as p from range(100)',
    )
    await lab.set('s.t', { active: true, ...keyed })
    expect(await lab.runOne('s.t')).toMatchObject({ status: 'initial', filesAdded: 50 })
    const report = await change(lab, { id: 'integer', p: 'integer' }, [['U', 5, 6]])
    expect(report).toMatchObject({ filesRemoved: 1, filesAdded: 2, changes: { updated: 1 } })
  })
})

describe('partition values of other types', () => {
  const types: [string, string, string, string, string][] = [
    ['integers', 'integer', '-5', 'p=-5/', 'p=6/'],
    ['a bigint beyond 2^53', 'bigint', '9007199254740993', 'p=9007199254740993/', 'p=6/'],
    ['dates', 'date', '2024-02-29', 'p=2024-02-29/', 'p=0006-01-01/'],
    ['decimals', 'decimal(9,2)', '1.50', 'p=1.50/', 'p=6.00/'],
    ['booleans', 'boolean', 'true', 'p=true/', 'p=false/'],
    [
      'timestamps',
      'timestamp',
      '2024-02-29 12:00:00.5',
      'p=2024-02-29T12%3A00%3A00.500000Z/',
      'p=0006-01-01T00%3A00%3A00.000000Z/',
    ],
  ]
  const other: Record<string, Cell> = { date: '0006-01-01', boolean: false, timestamp: '0006-01-01' }

  test.for(types)('%s', async ([, type, value, folder, otherFolder], { lab }) => {
    const columns = { id: 'integer', p: type, v: 'varchar' }
    await loaded(
      lab,
      columns,
      [
        [1, value, 'a'],
        [2, null, 'b'],
      ],
      keyed,
    )
    expect(await folders(lab)).toEqual([folder, 'p=__HIVE_DEFAULT_PARTITION__/'].sort())
    expect(await change(lab, columns, [['U', 1, value, 'a']])).toMatchObject({ changes: { unchanged: 1 } })
    const moved = await change(lab, columns, [['U', 1, other[type] ?? 6, 'a']], '20240101-000000001')
    expect(moved).toMatchObject({ changes: { updated: 1 } })
    expect(await folders(lab)).toEqual([otherFolder, 'p=__HIVE_DEFAULT_PARTITION__/'].sort())
  })
})
