import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './loopback.ts'

/** A private server of a test on the loopback; it dies with the test's process. */
export type ServerProcess = { readonly endpoint: string; stop(): Promise<void> }

const startSecondsMax = 60

/** Starts a program on a free port and waits until it answers HTTP, with whatever status. Throws with what it wrote if it ends first. */
export async function startServer(
  command: string,
  args: (port: number) => readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string } = {},
): Promise<ServerProcess> {
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const server = spawn(command, args(port), {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const written: string[] = []
  server.stderr.on('data', (chunk) => written.push(String(chunk)))
  server.once('error', (error) => written.push(error.message))
  const killAtExit = () => server.kill('SIGKILL')
  process.once('exit', killAtExit)
  const stop = async () => {
    process.removeListener('exit', killAtExit)
    if (hasEnded(server)) return
    server.kill('SIGKILL')
    await once(server, 'exit')
  }
  if (await answers(endpoint, server)) return { endpoint, stop }
  await stop()
  throw new Error(
    `${command} did not answer on ${endpoint} within ${startSecondsMax} s: ${written.join('').slice(-2_000)}`,
  )
}

async function answers(endpoint: string, server: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < startSecondsMax * 10 && !hasEnded(server); tries++) {
    const answered = await fetch(endpoint).then(
      () => true,
      () => false,
    )
    if (answered) return true
    await sleep(100)
  }
  return false
}

function hasEnded(server: ChildProcess): boolean {
  return server.pid === undefined || server.exitCode !== null || server.signalCode !== null
}
