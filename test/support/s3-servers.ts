import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import { s3Client } from '../../src/objects/s3-client.ts'
import { installedOnce, orSkipped } from './install-once.ts'
import { startMoto } from './moto.ts'
import { type ServerProcess, startServer } from './server-process.ts'

const run = promisify(execFile)
const versitygwVersion = '1.8.0'
/** Any will do for moto; VersityGW takes these for its root user. */
const credentials = { accessKeyId: 'test', secretAccessKey: 'testtest' }

export type S3Server = ServerProcess & { readonly name: string; readonly client: S3Client }

/** By name, how each server that speaks S3 is started; null where it cannot be had (an error under CI). */
export const s3Servers: Readonly<Record<string, () => Promise<S3Server | null>>> = {
  VersityGW: () => orSkipped('VersityGW', startVersitygw).then((server) => named('VersityGW', server)),
  moto: () => orSkipped('moto', startMoto).then((server) => named('moto', server)),
}

/** A client as the service makes it, for a server of `s3Servers` or a proxy before it. */
export function clientOf(endpoint: string): S3Client {
  return s3Client({ endpoint, region: 'us-east-1', credentials, forcePathStyle: true })
}

/** An empty bucket with a name of its own. */
export async function newBucket(client: S3Client): Promise<string> {
  const bucket = `bucket-${process.pid}-${bucketsMade++}`
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return bucket
}

let bucketsMade = 0

function named(name: string, server: ServerProcess | null): S3Server | null {
  return server === null ? null : { ...server, name, client: clientOf(server.endpoint) }
}

/** Objects are files of a temporary folder, their metadata files of another: not every file system has extended attributes. */
async function startVersitygw(): Promise<ServerProcess> {
  const home = await installedOnce(`versitygw-${versitygwVersion}`, installVersitygw)
  const folder = await mkdtemp(join(tmpdir(), 'dmscdc-versitygw-'))
  await Promise.all([mkdir(join(folder, 'objects')), mkdir(join(folder, 'metadata'))])
  const backend = ['posix', '--sidecar', join(folder, 'metadata'), join(folder, 'objects')]
  const args = (port: number) => ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive', ...backend]
  const env = { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey }
  const server = await startServer(join(home, 'versitygw'), args, { env })
  return {
    endpoint: server.endpoint,
    async stop() {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Needs Go; built from its source the first time. */
async function installVersitygw(folder: string): Promise<void> {
  const source = `github.com/versity/versitygw/cmd/versitygw@v${versitygwVersion}`
  await run('go', ['install', source], { env: { ...process.env, GOBIN: folder }, maxBuffer: 2 ** 26 })
}
