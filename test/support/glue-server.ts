import type { GlueClient } from '@aws-sdk/client-glue'
import { glueClient } from '../../src/catalog/glue-catalog.ts'
import { orSkipped } from './install-once.ts'
import { startMoto } from './moto.ts'
import type { ServerProcess } from './server-process.ts'

export const glueCredentials = { accessKeyId: 'test', secretAccessKey: 'testtest' }

export type GlueServer = ServerProcess & { readonly client: GlueClient }

/** A Glue Data Catalog, empty; its S3 is at the same endpoint. Null where it cannot be had (an error under CI). */
export async function startGlue(): Promise<GlueServer | null> {
  const server = await orSkipped('moto for Glue', startMoto)
  return server === null ? null : { ...server, client: glueClientOf(server.endpoint) }
}

/** A client as the service makes it, for a server of `startGlue` or a proxy before it. */
export function glueClientOf(endpoint: string): GlueClient {
  return glueClient({ endpoint, region: 'us-east-1', credentials: glueCredentials })
}
