import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Lease } from '../domain.ts'
import type { Holder } from '../ports.ts'
import type { Liveness } from './lease.ts'

/** Linux gives the first pid namespace of every machine this number; others are containers. */
const hostPidNamespace = 'pid:[4026531836]'
/** Linux counts process starts in ticks of 1/100 s on all platforms that Node runs on. */
const tickMs = 10

/**
 * This process as a lease names it, and whether the process of another lease lives: 'unknown' on another host. A process
 * with the same pid but another start is another one. Starts count from the start of the machine where there is `/proc`
 * (no change of the clock moves them), else from 1970.
 */
export function processHolder(): Holder {
  const host = hostOfPids()
  const own = inspect(process.pid)
  const processStartedMs = own.kind === 'running' ? own.startedMs : Math.round(Date.now() - process.uptime() * 1_000)
  return {
    self: { host, pid: process.pid, processStartedMs },
    probe: async (lease) => (lease.host === host ? livenessOf(lease) : 'unknown'),
  }
}

/** Two containers with one host name do not see each other's processes, so they are two hosts. */
function hostOfPids(): string {
  try {
    const namespace = readlinkSync('/proc/self/ns/pid')
    return namespace === hostPidNamespace ? hostname() : `${hostname()}/${namespace.replace(/\D/gu, '')}`
  } catch {
    return hostname()
  }
}

function livenessOf(lease: Lease): Liveness {
  if (!isSignallable(lease.pid)) return 'dead'
  const found = inspect(lease.pid)
  switch (found.kind) {
    case 'running':
      return found.startedMs === lease.processStartedMs ? 'alive' : 'dead'
    case 'ended':
      return 'dead'
    case 'hidden':
      return 'unknown'
  }
}

/** Signal 0 is not delivered: it only asks. A process of another user answers that it is not ours. */
function isSignallable(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ESRCH')
  }
}

type Found =
  | { readonly kind: 'running'; readonly startedMs: number }
  | { readonly kind: 'ended' }
  | { readonly kind: 'hidden' }

/** `/proc/<pid>/stat`: after the name in parentheses come the state and, 19 fields later, the start in ticks. */
function inspect(pid: number): Found {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return { kind: 'ended' }
    return { kind: 'running', startedMs: Number(fields[19]) * tickMs }
  } catch {
    return { kind: 'hidden' }
  }
}
