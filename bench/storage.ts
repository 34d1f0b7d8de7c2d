import { cpSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where a system has its landing and its table: `uri(name)` is a folder of the place, as the systems are told of it. */
export type Place = {
  readonly uri: (name: string) => string
  /** What reaches it from a process of its own. */
  readonly env: Readonly<Record<string, string>>
  /** Puts a local file into a folder of the place. */
  readonly put: (localFile: string, name: string) => Promise<void>
  /** Local copies of objects, to hold the rows to what is expected. */
  readonly fetch: (uris: readonly string[]) => Promise<readonly string[]>
  /** The Parquet files below a folder of the place. */
  readonly parquetFiles: (name: string) => Promise<readonly { readonly uri: string; readonly bytes: number }[]>
}

export function localPlace(folder: string): Place {
  return {
    uri: (name) => join(folder, name),
    env: {},
    async put(localFile, name) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      cpSync(localFile, join(folder, name), { preserveTimestamps: true })
    },
    fetch: async (uris) => uris,
    async parquetFiles(name) {
      const paths = pathsBelow(join(folder, name)).filter((path) => path.endsWith('.parquet'))
      return paths.map((uri) => ({ uri, bytes: statSync(uri).size }))
    },
  }
}

/** A copy by hard links, for no system writes into a file that is there; the landing's objects stay the same objects. */
export function copyByLinks(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true })
  mkdirSync(to, { recursive: true })
  for (const path of pathsBelow(from)) {
    const copy = join(to, path.slice(from.length))
    mkdirSync(dirname(copy), { recursive: true })
    linkSync(path, copy)
  }
}

export function pathsBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return entries.map((entry) => join(entry.parentPath, entry.name))
}
