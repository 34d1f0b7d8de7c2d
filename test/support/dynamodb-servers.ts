import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import { installedOnce, orSkipped } from './install-once.ts'
import { startMoto } from './moto.ts'
import { type ServerProcess, startServer } from './server-process.ts'

const run = promisify(execFile)
const localVersion = '2.6.0'

export type DynamodbServer = ServerProcess & { readonly name: string; readonly client: DynamoDBClientConfig }

/** By name, how each server that speaks DynamoDB is started; null where it cannot be had (an error under CI). */
export const dynamodbServers: Readonly<Record<string, () => Promise<DynamodbServer | null>>> = {
  'DynamoDB Local': () => startNamed('DynamoDB Local', () => startLocal([])),
  moto: () => startNamed('moto', startMoto),
}

/** One whose tables take a while to become active, as in AWS. */
export function startSlowDynamodb(): Promise<DynamodbServer | null> {
  return startNamed('DynamoDB Local', () => startLocal(['-delayTransientStatuses']))
}

/** Options of a client for a server that takes any credentials. */
export function clientOf(endpoint: string): DynamoDBClientConfig {
  return { endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } }
}

async function startNamed(name: string, start: () => Promise<ServerProcess>): Promise<DynamodbServer | null> {
  const server = await orSkipped(name, start)
  return server === null ? null : { ...server, name, client: clientOf(server.endpoint) }
}

/** Rows in memory. Needs Java 17; fetched by Maven the first time. */
async function startLocal(options: readonly string[]): Promise<ServerProcess> {
  const home = await installedOnce(`dynamodb-local-${localVersion}`, install)
  const main = ['-cp', join(home, 'lib', '*'), 'com.amazonaws.services.dynamodbv2.local.main.ServerRunner']
  const java = [`-Djava.library.path=${join(home, 'lib')}`, '-DDDB_LOCAL_TELEMETRY=0', ...main]
  const args = (port: number) => [...java, '-inMemory', '-disableTelemetry', ...options, '-port', String(port)]
  return startServer('java', args)
}

async function install(folder: string): Promise<void> {
  await writeFile(join(folder, 'pom.xml'), projectWith(localVersion))
  const lib = join(folder, 'lib')
  await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${lib}`], { cwd: folder })
}

function projectWith(version: string): string {
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dmscdc</groupId><artifactId>dynamodb-local</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`
}
