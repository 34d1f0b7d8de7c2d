import pLimit from 'p-limit'

const atOnce = 16

/** Requests for many objects, some at a time; the answers in the order of the items. */
export function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const limit = pLimit(atOnce)
  return Promise.all(items.map((item) => limit(() => work(item))))
}
