import type { Clock } from '../clock.ts'

/** A table's part of the engine's memory while it is worked on. */
export type Share = {
  readonly bytes: number
  /** Whether it had to wait; then what it knows of the landing may be old. */
  readonly waitedMs: number
  release(): void
}

export type MemoryPool = {
  /** `alone`: nothing else is worked on beside it. */
  admit(needBytes: number, options?: { readonly alone: boolean }): Promise<Share>
}

type Waiting = { readonly needBytes: number; readonly alone: boolean; readonly enter: () => void }

/** A quarter of the memory is never given to big tables, so that small ones go on beside them. */
const smallPart = 1 / 4
/** Who waited that long goes in with a small table's share: a neighbour that hangs blocks nobody. */
const patienceMs = 10 * 60_000

/**
 * Who may work at once within `memoryBytes`. A need above a quarter is big: big ones share three quarters, first come,
 * first served; small ones take what is left, all of it while no big one waits. The engine itself enforces its limit, and
 * spills; the pool only keeps tables from pressing each other to the wall.
 */
export function memoryPool(memoryBytes: number, clock: Pick<Clock, 'nowMs' | 'after'>): MemoryPool {
  const smallMax = memoryBytes * smallPart
  const bigMax = memoryBytes - smallMax
  const used = { small: 0, big: 0, tables: 0, alone: false }
  const waiting: Waiting[] = []

  const isBig = (bytes: number) => bytes > smallMax
  const fits = ({ needBytes, alone }: Waiting): boolean => {
    if (used.tables === 0) return true
    if (alone || used.alone) return false
    if (isBig(needBytes)) return used.big + needBytes <= bigMax && used.small + used.big + needBytes <= memoryBytes
    const free = waiting.some((one) => isBig(one.needBytes))
      ? Math.min(smallMax, memoryBytes - used.big)
      : memoryBytes - used.big
    return used.small + needBytes <= free
  }
  const take = ({ needBytes, alone }: Waiting) => {
    used.tables++
    if (alone) used.alone = true
    if (isBig(needBytes)) used.big += needBytes
    else used.small += needBytes
  }
  const giveBack = ({ needBytes, alone }: Waiting) => {
    used.tables--
    if (alone) used.alone = false
    if (isBig(needBytes)) used.big -= needBytes
    else used.small -= needBytes
    letIn()
  }
  const letIn = () => {
    for (const one of [...waiting]) if (fits(one)) one.enter()
  }

  return {
    admit(needBytes, { alone } = { alone: false }) {
      const askedMs = clock.nowMs()
      const asked = Math.min(needBytes, bigMax)
      return new Promise((resolve) => {
        const enterWith = (bytes: number, exclusive: boolean) => {
          const entry: Waiting = { needBytes: bytes, alone: exclusive, enter: () => {} }
          stopWaiting()
          const at = waiting.indexOf(self)
          if (at >= 0) waiting.splice(at, 1)
          take(entry)
          let released = false
          resolve({
            bytes: exclusive ? memoryBytes : bytes,
            waitedMs: clock.nowMs() - askedMs,
            release() {
              if (!released) giveBack(entry)
              released = true
            },
          })
        }
        const self: Waiting = { needBytes: asked, alone, enter: () => enterWith(asked, alone) }
        let stopWaiting = () => {}
        if (fits(self)) return self.enter()
        waiting.push(self)
        stopWaiting = clock.after(patienceMs, () => enterWith(Math.min(asked, smallMax), false))
      })
    },
  }
}
