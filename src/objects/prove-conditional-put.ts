import { DmscdcError } from '../errors.ts'
import type { ObjectStore } from './object-store.ts'

/** Beside the tables' own folders in `_dmscdc/`; a schema's name never begins like this. */
const provenKey = '_dmscdc/.conditional-put-proven'
const probeKey = (id: string) => `_dmscdc/.probe-${id}`
const attemptsMax = 5

export type ProofRequest = {
  readonly store: ObjectStore
  /** What people call the server behind the store; asked after its first answer. */
  readonly endpoint: () => string
  readonly newId: () => string
}

/**
 * Proves, once per lake, that its endpoint refuses a second put with `If-None-Match: *`: every commit rests on that, and S3
 * clones that ignore it would lose commits in silence. A lake that passed costs one HEAD. Throws `invalid-config` naming the
 * endpoint where the proof fails; nothing of the probe stays.
 */
export async function proveConditionalPut(request: ProofRequest): Promise<void> {
  const { store } = request
  if ((await store.head(provenKey)) !== null) return
  const endpoint = request.endpoint()
  const found = await probe(request, endpoint)
  if (found !== 'refused') throw unfit(endpoint, found)
  await store.put(provenKey, Buffer.from(`${endpoint} refuses a second put with If-None-Match: *\n`), { kind: 'any' })
}

type Finding = 'refused' | 'refused although absent' | 'stored'

/** A put whose answer was lost proves nothing: then once more, on another key. */
async function probe({ store, newId }: ProofRequest, endpoint: string): Promise<Finding> {
  const keys: string[] = []
  for (let attempt = 1; ; attempt++) {
    const key = probeKey(newId())
    keys.push(key)
    try {
      const found = await probeOnce(store, key)
      // All of them: a put whose answer was lost may have come to be after it was deleted.
      await store.deleteMany(keys)
      return found
    } catch (thrown) {
      await store.deleteMany(keys).catch(() => {})
      const passing = thrown instanceof DmscdcError && thrown.kind === 'unavailable'
      if (!passing || attempt === attemptsMax) throw namingEndpoint(endpoint, thrown)
    }
  }
}

/** The first body must stand, whatever the second put was answered. */
async function probeOnce(store: ObjectStore, key: string): Promise<Finding> {
  const [first, second] = ['first', 'second'].map((text) => Buffer.from(text)) as [Buffer, Buffer]
  if ((await store.put(key, first, { kind: 'absent' })).kind !== 'stored') return 'refused although absent'
  const outcome = await store.put(key, second, { kind: 'absent' })
  const found = await store.get(key)
  return outcome.kind === 'precondition-failed' && found !== null && first.equals(found.body) ? 'refused' : 'stored'
}

function unfit(endpoint: string, found: Finding): DmscdcError {
  return new DmscdcError(
    'invalid-config',
    `S3 endpoint ${endpoint}: a second put of one key with If-None-Match: * was ${found}, expected it to be refused with 412`,
    {
      hint: 'use AWS S3, or an S3 server that supports conditional writes: without them two runs could overwrite a commit',
    },
  )
}

function namingEndpoint(endpoint: string, thrown: unknown): unknown {
  if (!(thrown instanceof DmscdcError)) return thrown
  const { kind, message, hint, maybeApplied } = thrown
  return new DmscdcError(kind, `S3 endpoint ${endpoint}: ${message}`, { hint, maybeApplied, cause: thrown })
}
