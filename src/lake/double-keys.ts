import type { LakeType } from '../domain.ts'
import type { EngineSession } from '../engine/engine.ts'
import { list } from '../engine/sql.ts'

export type KeyColumn = { readonly name: string; readonly type: LakeType }

export type DoubleKeys = { readonly keys: number; readonly rows: number }

/**
 * How many keys stand in more than one row of a relation, and in how many rows; null where each stands in one. NULL equals
 * NULL. A group-by over all keys takes ten times as long as reading them, and their memory; so what most tables are is proven
 * first: in the order of their keys, or numbered.
 */
export async function findDoubleKeys(
  session: EngineSession,
  relation: string,
  keys: readonly KeyColumn[],
): Promise<DoubleKeys | null> {
  if (await isAscending(session, relation, keys)) return null
  if (await isNumbered(session, relation, keys)) return null
  if (!(await hasDoubleHash(session, relation, keys))) return null
  return countDoubles(session, relation, keys)
}

/** A wide key that is in no order costs more to read than a look at the first rows. */
const sampleRows = 20_000

async function isAscending(session: EngineSession, relation: string, keys: readonly KeyColumn[]): Promise<boolean> {
  const sample = `(select ${list(keys.map(({ name }) => name))} from ${relation} limit ${String(sampleRows)})`
  return (await isChain(session, sample, keys)) && isChain(session, relation, keys)
}

/**
 * Whether all rows but one have a lower key before them. A row is before one other at most, so they are one chain, and no key
 * is in it twice, in whatever order the engine went through the rows.
 */
async function isChain(session: EngineSession, relation: string, keys: readonly KeyColumn[]): Promise<boolean> {
  const before = keys.map(({ name }, at) => `lag(${name}) over () as before${String(at)}`)
  const rows = `select ${list([...keys.map(({ name }) => name), ...before])} from ${relation}`
  const [found] = await session.rows(
    `select count(*) as broken from (${rows}) where (${isHigher(keys, 0)}) is not true`,
  )
  return Number(found?.broken) <= 1
}

function isHigher(keys: readonly KeyColumn[], at: number): string {
  const { name } = keys[at] as KeyColumn
  const [before, rest] = [`before${String(at)}`, at + 1]
  const higher = `${before} < ${name}`
  return rest === keys.length ? higher : `${higher} or (${before} = ${name} and (${isHigher(keys, rest)}))`
}

/** A bit for every number between the lowest and the highest: 16 MB for each thread at most. */
const numbersMax = 2n ** 27n
const integers: readonly LakeType['kind'][] = ['byte', 'short', 'integer', 'long']

async function isNumbered(session: EngineSession, relation: string, keys: readonly KeyColumn[]): Promise<boolean> {
  const [key] = keys
  if (key === undefined || keys.length > 1 || !integers.includes(key.type.kind)) return false
  const number = `${key.name}::bigint`
  const [found] = await session.rows(
    `select min(${number})::varchar as lowest, max(${number})::varchar as highest, count(*) as total, count(${number}) as numbers from ${relation}`,
  )
  if (found?.lowest == null || found.highest == null || Number(found.total) !== Number(found.numbers)) return false
  const [lowest, highest] = [String(found.lowest), String(found.highest)]
  if (BigInt(highest) - BigInt(lowest) >= numbersMax) return false
  const [bits] = await session.rows(
    `select bit_count(bitstring_agg(${number}, ${lowest}::bigint, ${highest}::bigint)) as numbers from ${relation}`,
  )
  return Number(bits?.numbers) === Number(found.total)
}

/** Equal keys have equal hashes, which take less memory than keys of text. */
async function hasDoubleHash(session: EngineSession, relation: string, keys: readonly KeyColumn[]): Promise<boolean> {
  const [found] = await session.rows(`select count(*) as doubles from (${doubleHashes(relation, keys)})`)
  return Number(found?.doubles) > 0
}

async function countDoubles(
  session: EngineSession,
  relation: string,
  keys: readonly KeyColumn[],
): Promise<DoubleKeys | null> {
  const names = list(keys.map(({ name }) => name))
  const suspects = `select ${names} from ${relation} where hash(${names}) in (${doubleHashes(relation, keys)})`
  const groups = `select count(*) as copies from (${suspects}) group by ${names} having count(*) > 1`
  const [found] = await session.rows(`select count(*) as keys, sum(copies) as copies from (${groups})`)
  return Number(found?.keys) === 0 ? null : { keys: Number(found?.keys), rows: Number(found?.copies) }
}

function doubleHashes(relation: string, keys: readonly KeyColumn[]): string {
  return `select hash(${list(keys.map(({ name }) => name))}) as h from ${relation} group by h having count(*) > 1`
}
