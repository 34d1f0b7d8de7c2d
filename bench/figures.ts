import { availableParallelism, cpus, release, totalmem, type } from 'node:os'
import type { Measured } from './process.ts'

/** What one system needed for one case, over all runs of it. */
export type Figure = {
  readonly case: string
  readonly system: string
  readonly runs: readonly Measured[]
  /** Data files written, or null where a case writes none to count. */
  readonly newBytes: number | null
  readonly newFiles: number | null
  /** Of one run, by kind, where the place counts them. */
  readonly requests?: { readonly [operation: string]: number }
}

export const wall = ({ runs }: Figure) => Math.min(...runs.map(({ wallSeconds }) => wallSeconds))

export const peakBytes = ({ runs }: Figure) => Math.max(...runs.map((run) => run.peakBytes))

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

export function machine(): string {
  const [cpu] = cpus()
  return `${String(availableParallelism())} × ${cpu?.model.trim() ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${type()} ${release()}, Node ${process.versions.node}`
}

export const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`

/** One line of a table in Markdown, under `figureHead`. */
export function figureLine(figure: Figure): string {
  const { runs, newBytes, newFiles, requests } = figure
  const walls = runs.map(({ wallSeconds }) => wallSeconds)
  const cpu = Math.min(...runs.map(({ cpuSeconds }) => cpuSeconds))
  const read = Math.min(...runs.map(({ readBytes }) => readBytes))
  const cells = [
    figure.case,
    figure.system,
    wall(figure).toFixed(2),
    median(walls).toFixed(2),
    cpu.toFixed(2),
    megabytes(peakBytes(figure)),
    Number.isNaN(read) ? '' : megabytes(read),
    newBytes === null ? '' : megabytes(newBytes),
    newFiles === null ? '' : String(newFiles),
    requests === undefined ? '' : requestsText(requests),
  ]
  return `| ${cells.join(' | ')} |`
}

export const figureHead = [
  '| case | system | wall s, least | median | CPU s | peak memory | read | new data | new files | requests |',
  '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |',
]

function requestsText(requests: { readonly [operation: string]: number }): string {
  const kinds = Object.entries(requests).filter(([, count]) => count > 0)
  const total = kinds.reduce((sum, [, count]) => sum + count, 0)
  return `${String(total)}: ${kinds.map(([operation, count]) => `${String(count)} ${operation}`).join(', ')}`
}
