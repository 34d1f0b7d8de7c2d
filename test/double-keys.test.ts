import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test as plain } from 'vitest'
import type { LakeType } from '../src/domain.ts'
import { duckdbEngine } from '../src/engine/duckdb-engine.ts'
import type { EngineSession } from '../src/engine/engine.ts'
import { findDoubleKeys } from '../src/lake/double-keys.ts'

const test = plain.extend<{ session: EngineSession }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the fixtures that are asked for out of the pattern
  async session({}, use) {
    const temp = await mkdtemp(join(tmpdir(), 'double-keys-'))
    const engine = await duckdbEngine({ memoryBytes: 2e8, threads: 2, temp, readable: [] })
    await use(await engine.openSession())
    await engine.close()
    await rm(temp, { recursive: true })
  },
})

const types: Readonly<Record<string, LakeType>> = {
  bigint: { kind: 'long' },
  tinyint: { kind: 'byte' },
  varchar: { kind: 'string' },
  double: { kind: 'double' },
  date: { kind: 'date' },
}

const count = 150_000

/** Keys that stand in one row each, by the number `n` of their row. */
const unique: readonly [string, readonly (keyof typeof types)[], readonly string[]][] = [
  ['numbers in their order', ['bigint'], ['n']],
  ['numbers downwards', ['bigint'], [`${String(count)} - n`]],
  ['numbers in no order', ['bigint'], [`(n * 7919) % ${String(count)}`]],
  ['negative numbers in no order', ['bigint'], [`(n * 7919) % ${String(count)} - 75000`]],
  ['numbers far from each other', ['bigint'], ['(n * 7919 % 150000) * 100000000000 - 9000000000000000000']],
  ['texts in their order', ['varchar'], [`lpad(n::varchar, 9, '0')`]],
  ['texts in no order', ['varchar'], ['md5(n::varchar)']],
  ['doubles in no order', ['double'], ['((n * 7919) % 150000 - 75000) / 7.0']],
  ['pairs in their order', ['bigint', 'bigint'], ['n // 7', 'n % 7']],
  ['pairs in no order', ['bigint', 'varchar'], ['n % 7', 'md5((n // 7)::varchar)']],
  ['one NULL among numbers', ['bigint'], ['nullif(n, 5)']],
  ['pairs with NULL', ['bigint', 'bigint'], ['nullif(n // 2, 5)', 'n % 2']],
]

/** `n` of the second row of a key, and of the first. */
const twins: readonly [number, number][] = [
  [1, 0],
  [count - 1, count - 2],
  [count - 1, 0],
  [123_456, 4_096],
]

const columnsOf = (kinds: readonly string[]) =>
  kinds.map((kind, at) => ({ name: `k${String(at)}`, type: types[kind] as LakeType }))

const valuesOf = (kinds: readonly string[], expressions: readonly string[]) =>
  expressions.map((expression, at) => `(${expression})::${String(kinds[at])} as k${String(at)}`).join(', ')

describe('keys that stand in one row each are found to be unique', () => {
  test.for(unique)('%s', async ([, kinds, expressions], { session }) => {
    await session.run(
      `create temp table t as select ${valuesOf(kinds, expressions)} from range(${String(count)}) r(n) order by n`,
    )
    expect(await findDoubleKeys(session, 't', columnsOf(kinds))).toBeNull()
  })
})

describe('a key that stands in two rows is found, wherever they are', () => {
  test.for(unique)('%s', async ([, kinds, expressions], { session }) => {
    for (const [second, first] of twins) {
      const moved = `select case when n = ${String(second)} then ${String(first)} else n end as n, n as place from range(${String(count)}) r(n)`
      await session.run(
        `create or replace temp table t as select ${valuesOf(kinds, expressions)} from (${moved}) order by place`,
      )
      expect(await findDoubleKeys(session, 't', columnsOf(kinds))).toEqual({ keys: 1, rows: 2 })
    }
  })
})

test.for<[string, keyof typeof types, string[], number, number]>([
  ['NULL', 'bigint', ['1', 'null', 'null', 'null', '2'], 1, 3],
  ['both zeros', 'double', ['1', '0.0', '-0.0'], 1, 2],
  ['NaN', 'double', ["'nan'", '1', "'nan'"], 1, 2],
  ['the ends of a type', 'bigint', ['-9223372036854775808', '9223372036854775807', '-9223372036854775808'], 1, 2],
  ['of a small type', 'tinyint', ['-128', '127', '0', '127', '-128'], 2, 4],
])('%s in several rows is one key', async ([, kind, values, keys, rows], { session }) => {
  const list = values
    .map((value) => `(${value === 'null' || value.startsWith("'") ? value : `'${value}'`}::${kind})`)
    .join(', ')
  await session.run(`create temp table t as select * from (values ${list}) v(k0)`)
  expect(await findDoubleKeys(session, 't', columnsOf([kind]))).toEqual({ keys, rows })
})

test('a relation with no row has none', async ({ session }) => {
  await session.run('create temp table t (k0 bigint)')
  expect(await findDoubleKeys(session, 't', columnsOf(['bigint']))).toBeNull()
})

test.for([
  ['in their order', 'chr((65 + n // 10000)::integer) || lpad(n::varchar, 9, chr(48))', 'varchar'],
  ['numbered', '(n * 7919) % 150000', 'bigint'],
] as const)(
  'keys that are %s are never grouped, which would hold all of them in memory',
  async ([, key, kind], { session }) => {
    const asked: string[] = []
    const watched: EngineSession = {
      ...session,
      rows: (sql) => {
        asked.push(sql)
        return session.rows(sql)
      },
    }
    await session.run(`create temp table t as select ${valuesOf([kind], [key])} from range(${String(count)}) r(n)`)
    expect(await findDoubleKeys(watched, 't', columnsOf([kind]))).toBeNull()
    expect(asked.filter((sql) => sql.includes('group by'))).toEqual([])
  },
)
