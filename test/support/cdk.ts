import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { doneOnce, orSkipped } from './install-once.ts'

const run = promisify(execFile)
const infraDir = fileURLToPath(new URL('../../infra/', import.meta.url))
const noNetwork = fileURLToPath(new URL('no-network.cjs', import.meta.url))

export type Resource = {
  readonly Type: string
  // biome-ignore lint/suspicious/noExplicitAny: a template's properties are whatever CloudFormation takes
  readonly Properties: any
  readonly DeletionPolicy?: string
}
export type Template = { readonly Resources?: Readonly<Record<string, Resource>> }

/** What one synthesis made: the templates by stack, the rows of cdk-nag's reports, the top of the folder that images are built from. */
export type Synthesis = {
  readonly templates: Readonly<Record<string, Template>>
  readonly findings: readonly {
    readonly rule: string
    readonly resource: string
    readonly state: string
    readonly reason: string
  }[]
  readonly imageFiles: readonly string[]
}

/** True once infra/ has its packages, by `npm ci` where they are missing or older than the lockfile; false, said loudly, where that fails. */
export async function infraInstalled(): Promise<boolean> {
  const installed = await orSkipped('infra (npm ci)', async () => {
    const npmCi = async () => void (await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: infraDir }))
    await doneOnce('infra', { isDone: hasItsPackages, work: npmCi })
    return true
  })
  return installed ?? false
}

async function hasItsPackages(): Promise<boolean> {
  const [wanted, found] = await Promise.all([
    stat(join(infraDir, 'package-lock.json')),
    stat(join(infraDir, 'node_modules', '.package-lock.json')).catch(() => null),
  ])
  return found !== null && found.mtimeMs >= wanted.mtimeMs
}

/** `cdk synth` of a configuration with no network, no AWS variable, no home and no Docker. Throws with what it printed. */
export async function synthesise(config: object): Promise<Synthesis> {
  const folder = await mkdtemp(join(tmpdir(), 'dmscdc-infra-'))
  try {
    const file = join(folder, 'config.json')
    const out = join(folder, 'out')
    const bin = join(folder, 'bin')
    await mkdir(bin)
    await symlink(process.execPath, join(bin, 'node'))
    await writeFile(file, JSON.stringify(config))
    const cdk = join(infraDir, 'node_modules', 'aws-cdk', 'bin', 'cdk')
    const args = [cdk, 'synth', '--quiet', '--no-lookups', '--strict', '--context', `config=${file}`, '--output', out]
    const env = { PATH: bin, HOME: folder, NODE_OPTIONS: `--require ${noNetwork}`, NO_COLOR: '1' }
    await run(process.execPath, args, { cwd: infraDir, env })
    return { templates: await templatesIn(out), findings: await findingsIn(out), imageFiles: await imageFilesIn(out) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** What the app prints of a configuration that it refuses. */
export async function refusal(config: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dmscdc-infra-'))
  try {
    const file = join(folder, 'config.json')
    await writeFile(file, JSON.stringify(config))
    const env = { ...process.env, CDK_CONTEXT_JSON: JSON.stringify({ config: file }), CDK_OUTDIR: join(folder, 'out') }
    const refused = await run(process.execPath, ['--import', 'tsx', 'app.ts'], { cwd: infraDir, env }).catch(
      (error) => error,
    )
    return String(refused.code === 2 ? refused.stderr : `it ended with ${refused.code ?? 0}`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function templatesIn(out: string): Promise<Record<string, Template>> {
  const names = (await readdir(out)).filter((name) => name.endsWith('.template.json'))
  const read = async (name: string) => JSON.parse(await readFile(join(out, name), 'utf8'))
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name.replace('.template.json', ''), await read(name)] as const)),
  )
}

async function imageFilesIn(out: string): Promise<string[]> {
  const entries = await readdir(out, { withFileTypes: true })
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name.startsWith('asset.'))
  const files = await Promise.all(folders.map(({ name }) => readdir(join(out, name), { recursive: true })))
  return [...new Set(files.flat())].sort()
}

/** `npx tsc -p infra`, by the packages of infra/. Throws with what it printed. */
export async function checkTypes(): Promise<void> {
  const tsc = join(infraDir, 'node_modules', '.bin', 'tsc')
  await run(tsc, ['-p', infraDir]).catch((error: { stdout?: string }) => {
    throw new Error(error.stdout || String(error))
  })
}

async function findingsIn(out: string): Promise<Synthesis['findings']> {
  const names = (await readdir(out)).filter((name) => name.endsWith('NagReport.csv'))
  const texts = await Promise.all(names.map((name) => readFile(join(out, name), 'utf8')))
  return texts.flatMap((text) =>
    text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => [...line.matchAll(/"((?:[^"]|"")*)"/gu)].map(([, value = '']) => value))
      .map(([rule = '', resource = '', state = '', reason = '']) => ({ rule, resource, state, reason })),
  )
}
