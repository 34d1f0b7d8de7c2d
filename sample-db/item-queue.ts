/** Items on their way from one that gives them by itself to one that asks for them. */
export type ItemQueue<Item> = {
  put(item: Item): void
  /** Ends the queue: what is in it is still handed out, then the error is thrown. */
  fail(error: unknown): void
  /** The next item, or `quiet` when none comes within so many milliseconds. */
  next(waitMs: number): Promise<Item | 'quiet'>
}

const queuedMax = 5_000

/** Holds what has been put until it is asked for; the giver pauses while the queue is full. */
export function itemQueue<Item>(giver: { pause(): void; resume(): void }): ItemQueue<Item> {
  const items: Item[] = []
  let failure: { readonly error: unknown } | null = null
  let wake = () => {}
  return {
    put: (item) => {
      // what comes after a failure must not move the position past it
      if (failure !== null) return
      items.push(item)
      if (items.length >= queuedMax) giver.pause()
      wake()
    },
    fail: (error) => {
      failure ??= { error }
      wake()
    },
    next: async (waitMs) => {
      if (items.length === 0 && failure === null) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, waitMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      const item = items.shift()
      if (items.length === 0) giver.resume()
      if (item !== undefined) return item
      if (failure !== null) throw failure.error
      return 'quiet'
    },
  }
}
