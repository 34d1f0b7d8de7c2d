import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Landing } from './carrier.ts'

/** A landing on disk. A file grows under a hidden name at its root; an empty folder is none. */
export function landingFolder(folder: string): Landing {
  return {
    async put(key, path) {
      const growing = join(folder, `.${key.replaceAll('/', '.')}.growing`)
      await mkdir(dirname(join(folder, key)), { recursive: true })
      await copyFile(path, growing)
      await rename(growing, join(folder, key))
    },
    remove: (key) => rm(join(folder, key), { force: true }),
  }
}
