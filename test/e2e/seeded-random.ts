/** Numbers that look random and come again with the same seed (mulberry32). */
export type Random = {
  readonly seed: number
  /** From 0 up to, and not, 1. */
  fraction(): number
  /** A whole number from 0 up to, and not, `end`. */
  below(end: number): number
  pick<T>(items: readonly T[]): T
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (end: number) => Math.floor(fraction() * end)
  return { seed, fraction, below, pick: (items) => items[below(items.length)] as (typeof items)[number] }
}

/** A new seed, or that of `DMSCDC_SEED`; printed, so that a failure can be had again. */
export function printedRandom(what: string): Random {
  const random = seededRandom(Number(process.env.DMSCDC_SEED ?? Date.now() % 2 ** 32))
  process.stdout.write(`${what}: DMSCDC_SEED=${String(random.seed)}\n`)
  return random
}
