import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** One whole process, from its start to its end. */
export type Measured = {
  readonly wallSeconds: number
  /** User and system; NaN where there is no `/proc`. */
  readonly cpuSeconds: number
  readonly peakBytes: number
  /** By system calls, page cache included; NaN where there is no `/proc`. */
  readonly readBytes: number
  readonly stdout: string
}

/** Throws what the process wrote when it does not end with 0. */
export async function measure(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  // Ours waits until the disk has what it wrote; nobody is to wait for what was written before.
  execFileSync('sync')
  const cpuBefore = childrenCpuSeconds()
  const startedMs = performance.now()
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr, peakBytes, readBytes] = ['', '', 0, Number.NaN]
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const family = new Map<number, { readonly cpuSeconds: number; readonly peakBytes: number }>()
  let wallSeconds: number | null = null
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => {
      wallSeconds = (performance.now() - startedMs) / 1_000
    })
    child.once('close', resolve)
  })
  while (wallSeconds === null) {
    for (const pid of descendants(child.pid ?? 0)) {
      // Of one that has just ended the kernel says nothing of its memory any more.
      const peakSoFar = family.get(pid)?.peakBytes ?? 0
      family.set(pid, { cpuSeconds: ownCpuSeconds(pid), peakBytes: Math.max(peakSoFar, highWaterBytes(pid)) })
    }
    peakBytes = [...family.values()].reduce((sum, one) => sum + one.peakBytes, 0)
    readBytes = readSoFar(child.pid ?? 0) ?? readBytes
    await Promise.race([ended, sleep(20)])
  }
  const code = await ended
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit ${String(code)}\n${stdout}${stderr}`)
  // A JVM that nobody waits for is in no account of its parent's.
  const seen = [...family.values()].reduce((sum, one) => sum + one.cpuSeconds, 0)
  return { wallSeconds, cpuSeconds: Math.max(seen, childrenCpuSeconds() - cpuBefore), peakBytes, readBytes, stdout }
}

/** The kernel keeps the peak itself, so a look now and then misses nothing but the very end. */
function highWaterBytes(pid: number): number {
  const text = readProc(`/proc/${String(pid)}/status`)
  return Number(/^VmHWM:\s+(\d+) kB/mu.exec(text)?.[1] ?? 0) * 1024
}

/** The last look is some milliseconds before the end. Memory-mapped reads are not in it. */
function readSoFar(pid: number): number | null {
  const found = /^rchar: (\d+)/mu.exec(readProc(`/proc/${String(pid)}/io`))?.[1]
  return found === undefined ? null : Number(found)
}

/** The process and all that stem from it. */
function descendants(pid: number): readonly number[] {
  const children = readProc(`/proc/${String(pid)}/task/${String(pid)}/children`)
    .trim()
    .split(' ')
    .filter(Boolean)
  return [pid, ...children.flatMap((child) => descendants(Number(child)))]
}

function ownCpuSeconds(pid: number): number {
  const text = readProc(`/proc/${String(pid)}/stat`)
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return text === '' ? 0 : (Number(fields[11]) + Number(fields[12])) / 100
}

/** Of children that have ended, in ticks of 1/100 s (`cutime` and `cstime` in `/proc/self/stat`). */
function childrenCpuSeconds(): number {
  const text = readProc('/proc/self/stat')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
