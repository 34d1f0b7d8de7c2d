import type { LandingFile, Progress, TakenFile } from '../../src/domain.ts'
import { advance } from '../../src/landing/pending.ts'

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs
/** The files of the table `sales.orders` are named by minutes from this noon. */
export const noonMs = Date.parse('2024-06-12T12:00:00Z')
export const keys = { primaryKey: ['id'], partitionKey: [] }

type Details = { readonly folder?: string; readonly etag?: string; readonly modifiedMs?: number }

/** A change file named after a time so many minutes after noon. */
export function changeAt(minutes: number, details: Details = {}): LandingFile {
  const time = new Date(noonMs + minutes * 60_000)
    .toISOString()
    .replace(/[-:.Z]/g, '')
    .replace('T', '-')
  return { kind: 'change', ...file(`${time}.parquet`, details) }
}

export function load(n: number, details: Details = {}): LandingFile {
  return { kind: 'load', ...file(`LOAD0000000${n}.parquet`, details) }
}

function file(name: string, { folder = '', etag = 'first', modifiedMs = noonMs }: Details) {
  const key = `${folder}${name}`
  return { name, key, path: `sales/orders/${key}`, format: 'parquet', sizeBytes: 4, modifiedMs, etag } as const
}

export function takenOf({ key, etag, sizeBytes }: LandingFile): TakenFile {
  return { key, etag, sizeBytes, sha256: null }
}

export function progressAfter(
  progress: Progress,
  files: readonly LandingFile[],
  options: { stillPending?: LandingFile[]; lookBackMs?: number } = {},
) {
  return advance(progress, files.map(takenOf), { ...keys, lookBackMs: dayMs, stillPending: [], ...options })
}
