import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * `npm run planted`: plants each defect of `planted/` in a copy of the tree, runs what its header says must catch it, and
 * prints whether it did. Exit 1 if one survives, or its patch does not apply any more. Names of patches choose among them.
 */
const root = fileURLToPath(new URL('../..', import.meta.url))
const folder = join(root, 'test/faults/planted')
const copied = ['src', 'test', 'package.json', 'tsconfig.json', 'vitest.config.ts']

type Planted = { readonly file: string; readonly defect: string; readonly caughtBy: readonly string[] }
type Ended = { readonly code: number; readonly output: string }

const wanted = process.argv.slice(2)
const patches = readdirSync(folder)
  .filter((name) => name.endsWith('.patch'))
  .sort()
const chosen = patches.filter((name) => wanted.length === 0 || wanted.some((one) => name.startsWith(one)))
let survivors = chosen.length === 0 ? 1 : 0
for (const name of chosen) {
  const planted = readPatch(join(folder, name))
  const verdict = await tryOut(planted)
  if (!verdict.startsWith('caught')) survivors++
  console.log(`${basename(name, '.patch').padEnd(32)} ${verdict}\n    ${planted.defect}`)
}
console.log(`${String(chosen.length)} defects planted, ${String(survivors)} not caught`)
process.exitCode = survivors > 0 ? 1 : 0

function readPatch(file: string): Planted {
  const text = readFileSync(file, 'utf8')
  const header = (name: string) => new RegExp(`^${name}: (.+)$`, 'mu').exec(text)?.[1] ?? ''
  return { file, defect: header('Defect'), caughtBy: header('Caught by').split(' ') }
}

async function tryOut({ file, caughtBy }: Planted): Promise<string> {
  const tree = mkdtempSync(join(tmpdir(), 'dmscdc-planted-'))
  try {
    for (const name of copied) cpSync(join(root, name), join(tree, name), { recursive: true })
    symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'))
    const applied = await run('git', ['apply', '--whitespace=nowarn', file], tree)
    if (applied.code !== 0) return `does not apply: ${applied.output.trim()}`
    const [command = '', ...args] = caughtBy
    const ended = await run(command, args, tree)
    return verdictOf(ended)
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

/** What fails for another reason than a claim that does not hold has caught nothing. */
function verdictOf({ code, output }: Ended): string {
  const schedules = /^(\d+) schedules ran in .*, (\d+) failed$/mu.exec(output)
  const tests = /Tests .*?(\d+) failed/u.exec(output)
  if (code === 0) return 'SURVIVED'
  if (schedules?.[1] === '0') return 'caught by the undisturbed run'
  if (schedules !== null) return `caught by ${String(schedules[2])} of ${String(schedules[1])} schedules`
  return tests === null ? `ran into something else:\n${output}` : `caught by ${String(tests[1])} tests`
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir(), NO_COLOR: '1' }
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env, maxBuffer: 2 ** 28 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` })
    })
  })
}
