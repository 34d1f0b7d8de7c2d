import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { s3Objects } from '../../src/objects/s3-objects.ts'
import { newBucket, s3Servers } from '../support/s3-servers.ts'
import { describeObjectStore } from './object-store.ts'

/** moto finds its way by patterns in which a dot is no new line. */
const noNames: Readonly<Record<string, readonly string[]>> = { moto: ['new\nline'] }

for (const [name, start] of Object.entries(s3Servers)) {
  const server = await start()
  describe.skipIf(server === null)(name, () => {
    if (server === null) return
    afterAll(() => server.stop())
    const make = async (scratch: string) => {
      const bucket = await newBucket(server.client)
      return s3Objects(server.client, { bucket, prefix: 'lake', scratchDir: join(scratch, 'fetched') })
    }
    describeObjectStore(`S3 on ${name}`, make, { noNames: noNames[name] ?? [] })
  })
}
