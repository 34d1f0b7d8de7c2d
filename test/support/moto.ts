import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { installedOnce } from './install-once.ts'
import { type ServerProcess, startServer } from './server-process.ts'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const version = '5.2.5'

/** A moto server: most of AWS behind one endpoint, empty, one request at a time. Throws where Python or pip does not deliver. */
export async function startMoto(): Promise<ServerProcess> {
  const home = await installedOnce(`moto-${version}`, install)
  const args = (port: number) => [join(here, 'moto-server.py'), String(port)]
  return startServer(join(home, 'bin', 'python'), args)
}

/** A moved environment works by its interpreter, not by its scripts. */
async function install(folder: string): Promise<void> {
  await run('python3', ['-m', 'venv', folder])
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  await run(join(folder, 'bin', 'python'), [...pip, `moto[server]==${version}`])
}
