import { spawn } from 'node:child_process'
import { copyFile, mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openLab } from '../support/lab.ts'

/**
 * Many small tables and one big one: in one run they stay within the memory, and take no longer than 1.2 times what both
 * take apart. `npm run soak:pool -- <small tables> <rows of the big one> <memory>`; 1000 40000000 2GB is near 5 GB.
 */
const [smallTables = '1000', bigRows = '4000000', memory = '512MB'] = process.argv.slice(2)
const launcher = fileURLToPath(new URL('../../bin/dmscdc', import.meta.url))

const parts = { small: await measured({ small: true, big: false }), big: await measured({ small: false, big: true }) }
const both = await measured({ small: true, big: true })
const apartMs = parts.small.ms + parts.big.ms
console.log({ ...parts, both, apartMs, ratio: both.ms / apartMs })
if (both.ms > 1.2 * apartMs) process.exitCode = 1

async function measured(which: { readonly small: boolean; readonly big: boolean }) {
  const lab = await openLab()
  try {
    const bigBytes = which.big ? await landBig(lab) : 0
    if (which.small) await landSmall(lab)
    await lab.run()
    if (which.small) await lab.set('small.*', { active: true, primaryKey: 'id' })
    if (which.big) await lab.set('big.*', { active: true, primaryKey: 'id' })
    const places = {
      DMSCDC_LANDING: lab.landing,
      DMSCDC_LAKE: lab.lake,
      DMSCDC_STATE: lab.state,
      DMSCDC_MEMORY: memory,
    }
    return { ...(await run({ ...places, DMSCDC_TEMP: join(lab.folder, 'temp') })), bigBytes }
  } finally {
    await lab.close()
    await rm(lab.folder, { recursive: true, force: true })
  }
}

/** Of LOAD files of 2 M rows each, as DMS cuts them. */
async function landBig(lab: Awaited<ReturnType<typeof openLab>>): Promise<number> {
  let bytes = 0
  const rowsPerFile = 2_000_000
  for (let at = 0; at * rowsPerFile < Number(bigRows); at++) {
    const rows = `range(${String(at * rowsPerFile)}, ${String(Math.min(Number(bigRows), (at + 1) * rowsPerFile))})`
    const select = `select range as id, md5(range::varchar) as a, md5((range * 7)::varchar) as b, random() as c, (range % 1000)::integer as d from ${rows}`
    const name = `LOAD${(at + 1).toString(16).toUpperCase().padStart(8, '0')}.parquet`
    bytes += (await stat(await lab.land(`big/t/${name}`, select))).size
  }
  return bytes
}

async function landSmall(lab: Awaited<ReturnType<typeof openLab>>): Promise<void> {
  const first = await lab.land('small/t0/LOAD00000001.parquet', `select range as id, 'v' || range as v from range(100)`)
  for (let at = 1; at < Number(smallTables); at++) {
    const folder = join(lab.landing, 'small', `t${String(at)}`)
    await mkdir(folder, { recursive: true })
    await copyFile(first, join(folder, 'LOAD00000001.parquet'))
  }
}

async function run(places: Record<string, string>) {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [launcher, 'run', '--json'], {
    env: { ...process.env, ...places },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  let peakKb = 0
  const look = setInterval(async () => {
    const status = await readFile(`/proc/${String(child.pid)}/status`, 'utf8').catch(() => '')
    peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/u.exec(status)?.[1] ?? 0))
  }, 200)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  clearInterval(look)
  const { tables } = JSON.parse(Buffer.concat(chunks).toString()) as { tables: { status: string; error: unknown }[] }
  const failed = tables.filter(({ status }) => status !== 'initial').map(({ error }) => error)
  if (failed.length > 0) console.log(failed.slice(0, 5))
  return {
    code,
    ms: Math.round(performance.now() - startedMs),
    peakMb: Math.round(peakKb / 1e3),
    failed: failed.length,
  }
}
