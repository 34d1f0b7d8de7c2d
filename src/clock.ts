/** Time enters a run here and nowhere else. */
export type Clock = {
  nowMs(): number
  sleep(ms: number): Promise<void>
  /** Does a task once, unless the returned function is called first. The process lives on until then. */
  after(ms: number, task: () => void): () => void
  /** Does a task again and again, one at a time, until the returned function is called; that waits for one under way. */
  every(ms: number, task: () => Promise<void>): () => Promise<void>
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  after(ms, task) {
    const timer = setTimeout(task, ms)
    return () => clearTimeout(timer)
  },
  every(ms, task) {
    let underWay: Promise<void> | null = null
    const timer = setInterval(() => {
      underWay ??= task()
        .catch(() => {})
        .finally(() => {
          underWay = null
        })
    }, ms)
    timer.unref()
    return async () => {
      clearInterval(timer)
      await underWay
    }
  },
}
