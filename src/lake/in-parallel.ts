import pLimit from 'p-limit'
import { sum } from '../sum.ts'

const atOnce = 16

/** Requests for many objects, some at a time; the answers in the order of the items. */
export function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const limit = pLimit(atOnce)
  return Promise.all(items.map((item) => limit(() => work(item))))
}

/** None is under way any more when this returns or throws: the error of the first of them, in their order, that failed. */
export async function allEnded<const T extends readonly unknown[]>(
  works: T,
): Promise<{ -readonly [at in keyof T]: Awaited<T[at]> }> {
  await Promise.allSettled(works)
  return Promise.all(works)
}

export type Pipeline<T, A, B> = {
  /** So many items are under way at once as weigh together no more than this; one in any case. */
  readonly weightMax: number
  readonly weightOf: (item: T) => number
  readonly begin: (item: T, at: number) => Promise<A>
  readonly end: (begun: A) => Promise<B>
}

/**
 * Begins several items at once, and ends one behind the other, in their order. Where all may be under way at once, the heaviest
 * begins first: else it would be alone at the end. None is under way any more when this returns or throws: the error of the first of
 * them that failed.
 */
export async function pipelined<T, A, B>(
  items: readonly T[],
  { weightMax, weightOf, begin, end }: Pipeline<T, A, B>,
): Promise<readonly B[]> {
  const underWay: { readonly weight: number; readonly ending: Promise<B> }[] = []
  const results: B[] = []
  const early = new Map<number, Promise<A>>()
  let last: Promise<unknown> = Promise.resolve()
  const endFirst = async () => {
    const [first] = underWay.splice(0, 1)
    if (first !== undefined) results.push(await first.ending)
  }
  const weights = items.map(weightOf)
  try {
    if (sum(weights) <= weightMax)
      for (const { item, at } of heaviestFirst(items, weights)) early.set(at, begin(item, at))
    for (const [at, item] of items.entries()) {
      const weight = weights[at] as number
      const isFull = () => underWay.reduce((total, one) => total + one.weight, weight) > weightMax
      while (underWay.length > 0 && isFull()) await endFirst()
      const ending = allEnded([last, early.get(at) ?? begin(item, at)]).then(([, begun]) => end(begun))
      last = ending
      underWay.push({ weight, ending })
    }
    while (underWay.length > 0) await endFirst()
    return results
  } finally {
    await Promise.allSettled(underWay.map(({ ending }) => ending))
  }
}

const heaviestFirst = <T>(items: readonly T[], weights: readonly number[]) =>
  items.map((item, at) => ({ item, at, weight: weights[at] as number })).sort((a, b) => b.weight - a.weight)
