import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commitBody } from '../src/lake/commit-body.ts'
import { deltaViewPrefix, entryKey, logPrefix } from '../src/lake/keys.ts'
import { entryTxnId } from '../src/lake/parse-actions.ts'
import { commitEntry } from '../src/lake/perform.ts'
import { mirrorLog } from '../src/lake/publish.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { seededRandom } from './e2e/seeded-random.ts'
import { newScratch, place, staged, startMs } from './support/lake-fixtures.ts'
import { type Fault, type FaultProxy, startS3FaultProxy } from './support/s3-faults.ts'
import { clientOf, newBucket, s3Servers } from './support/s3-servers.ts'

const writers = 6
const batchesPerWriter = 6
const clock = { nowMs: () => startMs, sleep: (ms: number) => sleep(ms / 10) }
const putFaults: readonly Fault[] = [
  'answer-lost',
  'answer-lost',
  'answer-lost',
  'request-lost',
  'late',
  'error-after',
  'server-error',
  'slow-down',
  'conflict',
]
const getFaults: readonly Fault[] = ['server-error', 'body-cut', 'request-lost']

for (const [name, start] of Object.entries(s3Servers)) {
  const server = await start()
  describe.skipIf(server === null)(`a commit on ${name} behind a network that loses requests and answers`, () => {
    if (server === null) return
    let proxy: FaultProxy
    let store: ObjectStore
    let behind: ObjectStore
    beforeAll(async () => {
      proxy = await startS3FaultProxy(server.endpoint)
      const options = { bucket: await newBucket(server.client), prefix: 'lake', scratchDir: newScratch() }
      store = s3Objects(clientOf(proxy.endpoint), options)
      behind = s3Objects(server.client, options)
    })
    afterAll(async () => {
      await proxy.stop()
      await server.stop()
    })

    const attemptAt = (version: number, txnId: string) => ({
      place,
      version,
      body: commitBody(staged(null, txnId), '0.1.0'),
      txnId,
      notAfterMs: startMs,
    })

    const ownerOf = async (from: ObjectStore, version: number) => {
      const found = await from.get(entryKey(logPrefix(place), version))
      return found === null ? null : entryTxnId(found.body)
    }

    /** As runs do: read the log on, leave when the batch is in it, else commit after it. Nothing is counted but by the log. */
    const takeBatch = async (batch: string, owners: string[]) => {
      for (let run = 0; ; run++) {
        for (
          let owner = await ownerOf(store, owners.length);
          owner !== null;
          owner = await ownerOf(store, owners.length)
        )
          owners.push(owner)
        if (owners.some((owner) => owner.startsWith(`${batch}:`))) return
        const version = owners.length
        const txnId = `${batch}:${run}`
        const { kind } = await commitEntry({ store, clock }, attemptAt(version, txnId))
        if (kind === 'unknown') continue
        const isOwner = (await ownerOf(behind, version)) === txnId
        expect({ txnId, kind, isOwner }).toEqual({ txnId, kind, isOwner: kind === 'won' })
      }
    }

    it('counts every batch once, and tells each writer the truth', async () => {
      const random = seededRandom(20_240_612)
      const struck = new Map<Fault, number>()
      proxy.failBy((operation) => {
        const faults = { PutObject: putFaults, GetObject: getFaults }[operation]
        if (faults === undefined || random.fraction() > (operation === 'PutObject' ? 0.7 : 0.15)) return undefined
        const fault = random.pick(faults)
        struck.set(fault, (struck.get(fault) ?? 0) + 1)
        return fault
      })
      const batches = Array.from({ length: writers }, (_, w) =>
        Array.from({ length: batchesPerWriter }, (_, b) => `W${w}B${b}`),
      )
      await Promise.all(
        batches.map(async (own) => {
          const owners: string[] = []
          for (const batch of own) await takeBatch(batch, owners)
        }),
      )
      proxy.failBy(() => undefined)
      await sleep(200)
      const committed: string[] = []
      for (let owner = await ownerOf(behind, 0); owner !== null; owner = await ownerOf(behind, committed.length))
        committed.push(owner)
      expect(committed.map((txnId) => txnId.split(':')[0]).sort()).toEqual(batches.flat().sort())
      expect([...struck.keys()].sort()).toEqual([...new Set([...putFaults, ...getFaults])].sort())
    })

    it('is won by the put whose answer was lost, though it was sent once', async () => {
      const before = proxy.seen.length
      proxy.fail('PutObject', ['answer-lost'])
      expect(await commitEntry({ store, clock }, attemptAt(1_000, 'MINE'))).toEqual({ kind: 'won', version: 1_000 })
      expect(proxy.seen.slice(before).map(({ operation }) => operation)).toEqual(['PutObject', 'GetObject'])
    })

    it('is mirrored into the Delta view also where the answer to that put is lost', async () => {
      proxy.fail('PutObject', ['answer-lost', 'request-lost', 'error-after'])
      expect(await mirrorLog(store, place, { from: 0, to: 2 })).toEqual({ kind: 'performed' })
      for (const version of [0, 1, 2]) {
        const [own, view] = [logPrefix(place), deltaViewPrefix(place)].map((log) => entryKey(log, version))
        expect((await behind.get(view as string))?.body).toEqual((await behind.get(own as string))?.body)
      }
    })
  })
}
