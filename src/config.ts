import { statSync } from 'node:fs'
import { tmpdir, totalmem } from 'node:os'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UsageError } from './errors.ts'

/** Flags and environment, read once. */
export type Config = {
  readonly landing: FileLocation
  readonly lake: FileLocation
  readonly state: FileLocation
  readonly memoryBytes: number
  readonly threads: number | null
  readonly temp: string
  readonly verbose: boolean
}

export type FileLocation = { readonly kind: 'file'; readonly folder: string }

export type Flags = {
  readonly landing?: string
  readonly lake?: string
  readonly state?: string
  readonly memory?: string
  readonly threads?: string
  readonly temp?: string
  readonly verbose?: boolean
}

/** Throws `UsageError` for anything that is missing or malformed. A flag wins over its variable. */
export function readConfig(flags: Flags, environment: NodeJS.ProcessEnv = process.env): Config {
  const memory = flags.memory ?? environment.DMSCDC_MEMORY ?? null
  const landing = location('landing', flags.landing ?? environment.DMSCDC_LANDING)
  if (!isFolder(landing.folder))
    throw new UsageError(`--landing: there is no folder ${landing.folder}`, 'dmscdc run --help')
  return {
    landing,
    lake: location('lake', flags.lake ?? environment.DMSCDC_LAKE),
    state: location('state', flags.state ?? environment.DMSCDC_STATE),
    memoryBytes: memory === null ? totalmem() / 2 : bytesOf(memory),
    threads: threadsOf(flags.threads ?? environment.DMSCDC_THREADS),
    temp: flags.temp ?? environment.DMSCDC_TEMP ?? tmpdir(),
    verbose: flags.verbose ?? false,
  }
}

function location(flag: string, text: string | undefined): FileLocation {
  if (text === undefined || text === '')
    throw new UsageError(
      `--${flag} is missing, and so is DMSCDC_${flag.toUpperCase()}`,
      `dmscdc run --${flag} file:///path/to/${flag}`,
    )
  if (text.startsWith('file://')) return { kind: 'file', folder: folderOfUrl(flag, text) }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(text)?.[1]
  if (scheme !== undefined)
    throw new UsageError(
      `--${flag}: found scheme ${scheme}://, expected file:// or a path`,
      `dmscdc run --${flag} file:///path/to/${flag}`,
    )
  return { kind: 'file', folder: resolve(text) }
}

function folderOfUrl(flag: string, text: string): string {
  try {
    return resolve(fileURLToPath(text))
  } catch {
    throw new UsageError(
      `--${flag}: ${text} is no file URL of this machine`,
      `dmscdc run --${flag} file:///path/to/${flag}`,
    )
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function threadsOf(text: string | undefined): number | null {
  if (text === undefined) return null
  if (!/^[1-9]\d{0,3}$/u.test(text))
    throw new UsageError(`--threads: found "${text}", expected a whole number from 1`, 'dmscdc run --threads 2')
  return Number(text)
}

const unitBytes: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
}

function bytesOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]i?b)$/iu.exec(text)
  const bytes = Number(match?.[1]) * (unitBytes[match?.[2]?.toUpperCase() ?? ''] ?? Number.NaN)
  if (!(bytes >= 64e6))
    throw new UsageError(
      `--memory: found "${text}", expected at least 64MB, as in 512MB or 4GB`,
      'dmscdc run --memory 512MB',
    )
  return bytes
}
