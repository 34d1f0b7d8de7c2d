import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { newBucket, s3Servers } from '../test/support/s3-servers.ts'
import type { BenchOptions } from './bench.ts'
import type { Figure } from './figures.ts'
import { hashOf, listOf, parquet, writeBatch, writeLoad } from './files.ts'
import type { Measured } from './process.ts'
import { type CountingProxy, startCountingProxy } from './s3-proxy.ts'
import type { Place } from './storage.ts'
import { ours, peers, type System } from './systems.ts'
import { type Batch, batches, expectedRows, type TableKind, tableKinds } from './workload.ts'

const delays = [0, 20]
/** The first merge proves the lake's conditional put once, and is not what an hour costs. */
const warmUps = 1

/** One small merge after the other on tables that lie in VersityGW, each with other keys; all must hold the same rows in the end. */
export async function runS3(options: BenchOptions, take: (figure: Figure) => void): Promise<void> {
  const server = await s3Servers.VersityGW?.()
  if (!server) throw new Error('VersityGW is not to be had: it is built by `go install`, which needs Go')
  const proxy = await startCountingProxy(server.endpoint)
  const folder = mkdtempSync(join(options.folder, 'dmscdc-bench-'))
  try {
    const kind = tableKinds[0] as TableKind
    const load = await writeLoad(join(folder, 'load'), kind, options.rows)
    const named = (await peers(options.peer)).filter(({ name }) => name !== 'plain-duckdb')
    const tables: Table[] = []
    for (const system of [ours(options.memory), ...named]) {
      const bucket = await newBucket(server.client)
      const place = s3Place(join(folder, system.name), {
        client: server.client,
        bucket,
        endpoint: proxy.endpoint,
      })
      await system.load(place, kind, load)
      tables.push({ system, place })
    }
    await mergeInTurns({ options, folder, take, proxy }, { kind, tables, load })
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await proxy.stop()
    await server.stop()
  }
}

type Table = { readonly system: System; readonly place: Place }
type Run = {
  readonly options: BenchOptions
  readonly folder: string
  readonly take: (figure: Figure) => void
  readonly proxy: CountingProxy
}
type Tables = { readonly kind: TableKind; readonly tables: readonly Table[]; readonly load: readonly string[] }

async function mergeInTurns({ options, folder, take, proxy }: Run, { kind, tables, load }: Tables): Promise<void> {
  const merged: string[] = []
  let hour = 0
  for (const delayMs of delays) {
    const found = new Map<string, { runs: Measured[]; requests: Record<string, number> }>()
    for (let run = -warmUps; run < options.runs; run++) {
      const batch = { ...(batches[0] as Batch), name: `tiny-${String(hour)}` }
      const changes = await writeBatch(join(folder, 'changes'), kind, batch, options.rows)
      merged.push(listOf(changes))
      for (const { system, place } of tables) {
        proxy.delay(delayMs)
        proxy.counted()
        const measured = await system.merge(place, kind, changes, `20260101-${String(hour).padStart(8, '0')}`)
        const requests = { ...proxy.counted() }
        if (run >= 0) found.set(system.name, { runs: [...(found.get(system.name)?.runs ?? []), measured], requests })
      }
      hour += 1
    }
    const name = delayMs === 0 ? 'tiny on S3' : `tiny on S3, ${String(delayMs)} ms`
    for (const [system, figure] of found) take({ case: name, system, ...figure, newBytes: null, newFiles: null })
  }
  proxy.delay(0)
  const expected = await hashOf(kind, `(${expectedRows(kind, listOf(load), merged)})`)
  for (const { system, place } of tables) {
    const held = await hashOf(kind, parquet(await place.fetch(await system.files(place))))
    if (held !== expected) throw new Error(`on S3: ${system.name} holds ${held}, expected ${expected}`)
  }
}

/** The landing and the table in a bucket; state and work folder on this disk, so that S3's requests alone are counted. */
function s3Place(
  folder: string,
  at: { readonly client: S3Client; readonly bucket: string; readonly endpoint: string },
): Place {
  const { client, bucket, endpoint } = at
  const uri = (name: string) => (name === 'state' || name === 'temp' ? join(folder, name) : `s3://${bucket}/${name}`)
  mkdirSync(folder, { recursive: true })
  return {
    uri,
    env: {
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'testtest',
    },
    async put(localFile, name) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body: await readFile(localFile) }))
    },
    async fetch(uris) {
      const paths: string[] = []
      for (const [at, one] of uris.entries()) {
        const { Body } = await client.send(
          new GetObjectCommand({ Bucket: bucket, Key: one.slice(`s3://${bucket}/`.length) }),
        )
        const path = join(folder, `fetched-${String(at)}.parquet`)
        await writeFile(path, (await Body?.transformToByteArray()) ?? new Uint8Array())
        paths.push(path)
      }
      return paths
    },
    async parquetFiles(name) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `${name}/` }))
      const data = Contents.filter(({ Key }) => Key?.endsWith('.parquet'))
      return data.map(({ Key = '', Size = 0 }) => ({ uri: `s3://${bucket}/${Key}`, bytes: Size }))
    },
  }
}
