import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import mysql from 'mysql2/promise'
import { freePort } from './loopback.ts'

/** A private server with a row binlog, reachable by TCP on the loopback and by its socket, as `root` without a password. */
export type Mariadb = {
  readonly host: string
  readonly port: number
  readonly socket: string
  readonly user: string
  /** Ends the server and deletes its data. */
  stop(): Promise<void>
}

/**
 * Starts a MariaDB with a data folder of its own. Null where none is installed, with a line on stderr;
 * under CI that is an error. As root it is installed under CI, or where DMSCDC_INSTALL=1 asks for it.
 */
export async function startMariadb(): Promise<Mariadb | null> {
  const daemon = find('mariadbd') ?? installed()
  if (daemon === null) return missing()
  const folder = mkdtempSync(join(tmpdir(), 'dmscdc-mariadb-'))
  const socket = join(folder, 'server.sock')
  const port = await freePort()
  initialise(folder)
  const server = spawn(daemon, serverArguments(folder, socket, port), { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const stop = async () => {
    server.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  const killAtExit = () => server.kill('SIGKILL')
  process.once('exit', killAtExit)
  const started = await Promise.race([answers(socket), ended.then(() => false)])
  if (!started) {
    await stop()
    throw new Error('mariadbd did not answer within 30 s, expected a server on a fresh data folder')
  }
  return {
    host: '127.0.0.1',
    port,
    socket,
    user: 'root',
    stop: async () => {
      process.removeListener('exit', killAtExit)
      await stop()
    },
  }
}

function find(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin']
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null
}

function installed(): string | null {
  const mayInstall = process.getuid?.() === 0 && (process.env.CI !== undefined || process.env.DMSCDC_INSTALL === '1')
  if (!mayInstall || find('apt-get') === null) return null
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore', env })
  execFileSync('apt-get', ['install', '-qy', '--no-install-recommends', 'mariadb-server'], { stdio: 'ignore', env })
  return find('mariadbd')
}

function missing(): null {
  const message = 'mariadbd is not installed: the tests against a real database do not run'
  if (process.env.CI !== undefined) throw new Error(message)
  process.stderr.write(`\n*** ${message}. Try: apt-get install mariadb-server, or DMSCDC_INSTALL=1 as root\n`)
  return null
}

function initialise(folder: string): void {
  const tool = find('mariadb-install-db')
  if (tool === null) throw new Error('mariadb-install-db was not found beside mariadbd, expected both')
  execFileSync(
    tool,
    [
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      ...asRoot(),
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { stdio: 'ignore' },
  )
}

function serverArguments(folder: string, socket: string, port: number): string[] {
  return [
    '--no-defaults',
    `--datadir=${join(folder, 'data')}`,
    // a server that starts deletes what it takes for abandoned temporary tables there, those of another one too
    `--tmpdir=${folder}`,
    `--pid-file=${join(folder, 'server.pid')}`,
    `--socket=${socket}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--skip-networking=0',
    '--skip-name-resolve',
    ...asRoot(),
    '--server-id=1',
    '--log-bin=binlog',
    '--binlog-format=ROW',
    '--binlog-row-image=FULL',
    '--character-set-server=utf8mb4',
    // quick to start, and nothing here must outlive a crash
    '--innodb-buffer-pool-size=16M',
    '--innodb-log-file-size=16M',
    '--innodb-flush-log-at-trx-commit=0',
    '--innodb-flush-method=nosync',
    '--sync-binlog=0',
    '--performance-schema=OFF',
  ]
}

/** Told so, the server does not give up root's rights; anybody else may not say it. */
function asRoot(): string[] {
  return process.getuid?.() === 0 ? ['--user=root'] : []
}

async function answers(socket: string): Promise<boolean> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const connection = await mysql.createConnection({ socketPath: socket, user: 'root' }).catch(() => null)
    if (connection !== null) {
      await connection.end()
      return true
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}
