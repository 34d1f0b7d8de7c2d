import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { installedOnce, orSkipped } from './support/install-once.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))

/** The one that Glue's Python 3.9 shell brings, which does not know RunTask's clientToken, and one that does. */
const boto3Versions = ['1.21.21', '1.43.11']
const pythons = await orSkipped('boto3 (pip)', () => Promise.all(boto3Versions.map(pythonWithBoto3)))

async function pythonWithBoto3(version: string): Promise<string> {
  const home = await installedOnce(`boto3-${version}`, async (folder) => {
    await run('python3', ['-m', 'venv', folder])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    await run(join(folder, 'bin', 'python'), [...pip, `boto3==${version}`])
  })
  return join(home, 'bin', 'python')
}

describe('the launcher', () => {
  test('keeps its claims, by its own tests, with no package installed', async () => {
    expect(await testsOf('python3', 'test_launch_task')).toBeGreaterThan(20)
  })

  test.skipIf(pythons === null).each(boto3Versions.map((version, n) => [version, n] as const))(
    'gets on with boto3 %s: tokens, throttling, lost answers, refusals',
    async (_version, n) => {
      expect(await testsOf(pythons![n]!, 'with_boto3_test')).toBeGreaterThan(2)
    },
  )

  /** How many tests ran; throws with unittest's report if one failed. */
  async function testsOf(python: string, module: string): Promise<number> {
    const { stderr } = await run(python, ['-B', '-m', 'unittest', module], { cwd: join(root, 'infra/launcher') })
    return Number(/Ran (\d+) tests/u.exec(stderr)?.[1])
  }
})
