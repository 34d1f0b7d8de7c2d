import { appendFileSync } from 'node:fs'

/** Counts by name, to be printed, and what happened when, to be read after a failure. */
export type Tally = {
  /** Writes a line of JSON to the timeline. */
  note(event: string, details?: object): void
  add(name: string, count?: number): void
  get(name: string): number
  /** `name 3, other 4` of those that begin with a prefix, which is left out. */
  line(prefix: string): string
}

export function tally(timeline: string): Tally {
  const counts = new Map<string, number>()
  return {
    note: (event, details = {}) =>
      appendFileSync(timeline, `${JSON.stringify({ at: new Date().toISOString(), event, ...details })}\n`),
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
