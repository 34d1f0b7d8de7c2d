import pLimit from 'p-limit'
import { DmscdcError } from '../errors.ts'
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
  /** One behind the other, in the items' order; what it returns is on its way from then on. */
  readonly end: (begun: A) => Promise<{ readonly ending: Promise<B> }>
  /** So many are on their way to their end at once. */
  readonly endingMax: number
}

/**
 * Begins several items at once, and ends them in their order. Where all may be under way at once, the heaviest begins before the
 * others: else it would be alone at the end. None is under way any more when this returns or throws: the error of the first of them that
 * failed, but where some may have had their effect all the same, of the first of those.
 */
export async function pipelined<T, A, B>(
  items: readonly T[],
  { weightMax, weightOf, begin, end, endingMax }: Pipeline<T, A, B>,
): Promise<readonly B[]> {
  const underWay: { readonly weight: number; readonly ended: Promise<B> }[] = []
  const results: B[] = []
  const early = new Map<number, Promise<A>>()
  const ends: Promise<B>[] = []
  let last: Promise<unknown> = Promise.resolve()
  const endFirst = async () => {
    const [first] = underWay.splice(0, 1)
    if (first !== undefined) results.push(await first.ended)
  }
  const weights = items.map(weightOf)
  try {
    const heaviest = weights.indexOf(weights.reduce((most, weight) => Math.max(most, weight), 0))
    if (heaviest >= 0 && sum(weights) <= weightMax) early.set(heaviest, begin(items[heaviest] as T, heaviest))
    for (const [at, item] of items.entries()) {
      const weight = weights[at] as number
      const isFull = () => underWay.reduce((total, one) => total + one.weight, weight) > weightMax
      while (underWay.length > 0 && isFull()) await endFirst()
      const [before, beginning] = [ends[at - endingMax], early.get(at) ?? begin(item, at)]
      const begun = allEnded([last, beginning]).then(async ([, one]) => {
        await before
        return end(one)
      })
      last = begun
      const ended = begun.then(({ ending }) => ending)
      // Told in its turn, which may come later.
      ended.catch(() => {})
      ends.push(ended)
      underWay.push({ weight, ended })
    }
    while (underWay.length > 0) await endFirst()
    return results
  } catch (first) {
    const others = await Promise.allSettled(underWay.map(({ ended }) => ended))
    const failures = others.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    throw [first, ...failures].find(mayHaveHappened) ?? first
  }
}

const mayHaveHappened = (error: unknown) => error instanceof DmscdcError && error.maybeApplied
