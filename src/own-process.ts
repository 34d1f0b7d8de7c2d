import { readlinkSync } from 'node:fs'

/** Marks what this process leaves about while it lives: `<pid namespace>-<pid>`, digits alone. */
export function processMark(): string {
  return `${pidNamespace()}-${String(process.pid)}`
}

/** Whether a mark's process is surely gone: one of this pid namespace that no longer runs. */
export function isOfDeadProcess(mark: string): boolean {
  const [namespace, pid] = mark.split('-')
  return namespace === pidNamespace() && pid !== undefined && !isAlive(Number(pid))
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/gu, '')
  } catch {
    return '0' // No /proc: pids are the machine's.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
