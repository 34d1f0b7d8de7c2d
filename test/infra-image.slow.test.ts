import { execFile } from 'node:child_process'
import { access, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFile(join(root, path), 'utf8')

describe("the image's files", { timeout: 300_000 }, () => {
  const npmCi = async () =>
    /RUN rm -rf node_modules && npm (ci .*)/u.exec(await read('infra/Dockerfile'))![1]!.split(' ')

  test("hold DuckDB's native module for arm64, and for no other processor", async () => {
    await inImageFolder(await npmCi(), async (folder) => {
      const module = (name: string) => access(join(folder, 'node_modules/@duckdb', name, 'duckdb.node'))
      await module('node-bindings-linux-arm64')
      await expect(module('node-bindings-linux-x64')).rejects.toThrow('ENOENT')
    })
  })

  test('load and merge on this processor, with no place to write to but the work folder', async () => {
    const here = (await npmCi()).map((flag) => flag.replace('--cpu=arm64', `--cpu=${process.arch}`))
    await inImageFolder(here, async (folder) => {
      for (const part of ['bin', 'dist']) await cp(join(root, part), join(folder, part), { recursive: true })
      await mkdir(join(folder, 'work'))
      const nowhere = { HOME: '/nowhere', TMPDIR: '/nowhere' }
      const places = {
        DMSCDC_LANDING: join(root, 'sample-db/recorded/load'),
        DMSCDC_LAKE: join(folder, 'lake'),
        DMSCDC_STATE: join(folder, 'state'),
        DMSCDC_TEMP: join(folder, 'work'),
        DMSCDC_MEMORY: '512MiB',
      }
      const dmscdc = (...args: string[]) =>
        run(process.execPath, ['bin/dmscdc', ...args], { cwd: folder, env: { ...nowhere, ...places } })
      await dmscdc('tables')
      await dmscdc('set', 'sampledb.*', '--active', '--primary-key', 'id')
      const { tables } = JSON.parse((await dmscdc('run', '--json')).stdout)
      expect(tables.map(({ status }: { status: string }) => status)).toEqual(['initial', 'initial', 'initial'])
    })
  })

  async function inImageFolder(npm: readonly string[], check: (folder: string) => Promise<void>): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'dmscdc-image-'))
    try {
      for (const file of ['package.json', 'package-lock.json']) await cp(join(root, file), join(folder, file))
      await run('npm', [...npm, '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder })
      await check(folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
})
