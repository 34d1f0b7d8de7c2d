import pLimit from 'p-limit'

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
