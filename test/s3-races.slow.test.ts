import { afterAll, describe, expect, it } from 'vitest'
import { commitBody } from '../src/lake/commit-body.ts'
import { entryKey, logPrefix } from '../src/lake/keys.ts'
import { entryTxnId } from '../src/lake/parse-actions.ts'
import { commitEntry } from '../src/lake/perform.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { newScratch, place, staged, startMs } from './support/lake-fixtures.ts'
import { clientOf, newBucket, s3Servers } from './support/s3-servers.ts'

const writers = 20
const rounds = 20
const clock = { nowMs: () => startMs, sleep: async () => {} }

for (const [name, start] of Object.entries(s3Servers)) {
  const server = await start()
  describe.skipIf(server === null)(`of ${writers} writers on ${name}`, () => {
    if (server === null) return
    // Connections of its own for each writer, as for processes.
    const clients = Array.from({ length: writers }, () => clientOf(server.endpoint))
    afterAll(async () => {
      for (const client of clients) client.destroy()
      await server.stop()
    })

    const stores = async () => {
      const bucket = await newBucket(server.client)
      const scratchDir = newScratch()
      return clients.map((client) => s3Objects(client, { bucket, prefix: 'lake', scratchDir }))
    }

    it(`one puts the absent object, ${rounds} times over, and its bytes stand`, async () => {
      const racing = await stores()
      for (let round = 0; round < rounds; round++) {
        const key = `race/${round}`
        const outcomes = await Promise.all(
          racing.map((store, i) => store.put(key, Buffer.from(`writer ${i}`), { kind: 'absent' })),
        )
        const winners = outcomes.flatMap((outcome, i) => (outcome.kind === 'stored' ? [i] : []))
        const found = await racing[0]?.get(key)
        expect([winners.length, Buffer.from(found?.body ?? []).toString()], key).toEqual([1, `writer ${winners[0]}`])
      }
    })

    it(`one wins the commit, ${rounds} versions long, and all others know that they lost`, async () => {
      const racing = await stores()
      for (let version = 0; version < rounds; version++) {
        const txnIds = racing.map((_, i) => `V${version}W${i}`)
        const results = await Promise.all(
          racing.map((store, i) => {
            const txnId = txnIds[i] as string
            const attempt = {
              place,
              version,
              body: commitBody(staged(null, txnId), '0.1.0'),
              txnId,
              notAfterMs: startMs,
            }
            return commitEntry({ store, clock }, attempt)
          }),
        )
        const won = txnIds.filter((_, i) => results[i]?.kind === 'won')
        const lost = results.filter((result) => result.kind === 'lost')
        const entry = await racing[0]?.get(entryKey(logPrefix(place), version))
        expect([won, lost.length]).toEqual([[entryTxnId(entry?.body ?? new Uint8Array())], writers - 1])
      }
    })
  })
}
