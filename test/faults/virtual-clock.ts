import type { Clock } from '../../src/clock.ts'

/** The time of a made-up world: it passes only where somebody waits, and then at once. */
export type VirtualTime = {
  readonly nowMs: () => number
  /** Lets time pass; what the processes have set their timers to happens meanwhile, in order. */
  readonly pass: (ms: number) => Promise<void>
  /** The clock of one process. */
  readonly openClock: () => ProcessClock
}

export type ProcessClock = Clock & {
  /** A process that stands still (or has ended) does nothing when its time comes; one that wakes does it then. */
  readonly stop: () => void
  readonly wake: () => void
}

type Timer = {
  atMs: number
  readonly everyMs: number | null
  readonly task: () => unknown
  readonly of: { stopped: boolean }
}

export function virtualTime(startMs: number): VirtualTime {
  let now = startMs
  const timers = new Set<Timer>()
  const dueBefore = (endMs: number) =>
    [...timers].filter(({ atMs, of }) => atMs <= endMs && !of.stopped).sort((a, b) => a.atMs - b.atMs)[0]

  const pass = async (ms: number) => {
    const endMs = now + ms
    for (let due = dueBefore(endMs); due !== undefined; due = dueBefore(endMs)) {
      now = Math.max(now, due.atMs)
      if (due.everyMs === null) timers.delete(due)
      else due.atMs = now + due.everyMs
      await Promise.resolve(due.task()).catch(() => {})
    }
    now = Math.max(now, endMs)
  }
  const set = (timer: Timer) => {
    timers.add(timer)
    return () => void timers.delete(timer)
  }
  return {
    nowMs: () => now,
    pass,
    openClock() {
      const of = { stopped: false }
      return {
        nowMs: () => now,
        sleep: pass,
        after: (ms, task) => set({ atMs: now + ms, everyMs: null, task, of }),
        every(ms, task) {
          const cancel = set({ atMs: now + ms, everyMs: ms, task, of })
          return async () => cancel()
        },
        stop: () => {
          of.stopped = true
        },
        wake: () => {
          of.stopped = false
        },
      }
    },
  }
}
