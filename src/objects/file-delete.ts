import { lstat, rmdir, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hasCode, isMissing } from './file-error.ts'

const deletesAtOnce = 32

/** Deletes files, then the directories that this left empty, up to but not including the root. */
export async function deleteFiles(root: string, keys: readonly string[]): Promise<void> {
  const paths = keys.map((key) => join(root, key))
  for (let i = 0; i < paths.length; i += deletesAtOnce) {
    await Promise.all(paths.slice(i, i + deletesAtOnce).map(deleteFile))
  }
  for (const directory of new Set(paths.map((path) => dirname(path)))) await removeEmpty(root, directory)
}

async function deleteFile(path: string): Promise<void> {
  try {
    if ((await lstat(path)).isFile()) await unlink(path)
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown
  }
}

async function removeEmpty(root: string, directory: string): Promise<void> {
  for (let path = directory; path.length > root.length; path = dirname(path)) {
    try {
      await rmdir(path)
    } catch (thrown) {
      if (hasCode(thrown, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'EACCES', 'EPERM', 'EBUSY')) return
      if (!isMissing(thrown)) throw thrown
    }
  }
}
