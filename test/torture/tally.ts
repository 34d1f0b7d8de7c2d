/** Counts by name, to be printed. */
export type Tally = {
  add(name: string, count?: number): void
  get(name: string): number
  /** `name 3, other 4` of those that begin with a prefix, which is left out. */
  line(prefix: string): string
}

export function tally(): Tally {
  const counts = new Map<string, number>()
  return {
    add: (name, count = 1) => void counts.set(name, (counts.get(name) ?? 0) + count),
    get: (name) => counts.get(name) ?? 0,
    line: (prefix) =>
      [...counts]
        .filter(([name]) => name.startsWith(prefix))
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, count]) => `${name.slice(prefix.length)} ${String(count)}`)
        .join(', '),
  }
}
