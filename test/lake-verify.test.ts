import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import type { DataFile, Snapshot } from '../src/domain.ts'
import { dataKey, deltaViewPrefix, entryKey, logPrefix, retainedKey, stagedKey } from '../src/lake/keys.ts'
import { type VerifyRequest, verifyTable } from '../src/lake/verify.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { bytes, commitTo, dataFile, newStore, place, staged } from './support/lake-fixtures.ts'

// One file that is longer than a piece of 8 MiB, one that is short.
const contents = new Map([
  ['day=a/big.parquet', Buffer.alloc(9 * 1_048_576, 'abcdefg')],
  ['day=b/small.parquet', Buffer.from('small')],
])
const hashed = (path: string): Partial<DataFile> => {
  const body = contents.get(path)!
  const segment = (start: number, end: number) => {
    return { bytes: end - start, sha256: createHash('sha256').update(body.subarray(start, end)).digest('hex') }
  }
  const cut = Math.floor(body.length / 3)
  return { sizeBytes: body.length, segments: [segment(0, cut), segment(cut, body.length)] }
}

let store: ObjectStore
let snapshot: Snapshot
beforeEach(async () => {
  store = newStore()
  const add = [...contents.keys()].map((path) => dataFile(path, 'T0', hashed(path)))
  snapshot = await commitTo(store, staged(null, 'T0', { add }))
  for (const { path, txnId } of add) {
    await store.put(dataKey(place, path), contents.get(path)!, { kind: 'any' })
    await store.deleteMany([stagedKey(place, txnId, path)])
  }
})

const verify = (more: Partial<VerifyRequest> = {}) => verifyTable({ store, place, snapshot, published: [], ...more })
const found = async (more: Partial<VerifyRequest> = {}) => (await verify(more)).map(({ kind, path }) => [kind, path])
const put = (path: string, body: Uint8Array) => store.put(dataKey(place, path), body, { kind: 'any' })

describe('verify', () => {
  test('a lake as it was committed has no problem', async () => {
    expect(await verify()).toEqual([])
  })

  test.each([
    ['day=a/big.parquet', 0],
    ['day=a/big.parquet', 8 * 1_048_576 - 1],
    ['day=a/big.parquet', 8 * 1_048_576],
    ['day=a/big.parquet', 9 * 1_048_576 - 1],
    ['day=b/small.parquet', 4],
  ])('one flipped bit in %s at byte %i is found', async (path, at) => {
    const body = Buffer.from(contents.get(path)!)
    body[at] = (body[at] as number) ^ 1
    await put(path, body)
    expect(await found()).toEqual([['damaged', dataKey(place, path)]])
  })

  test('what is retained is known to the log as removed, with its size', async () => {
    const [big, small] = snapshot.files as [DataFile, DataFile]
    const removed = await commitTo(store, staged(snapshot, 'T1', { remove: [big, small] }))
    const retain = (path: string, body: Uint8Array) => store.put(retainedKey(place, path), body, { kind: 'any' })
    await store.deleteMany([big, small].map(({ path }) => dataKey(place, path)))
    await retain(small.path, contents.get(small.path)!)
    expect(await found({ snapshot: removed })).toEqual([])
    await retain(big.path, bytes('short'))
    await retain('day=b/nobody.parquet', bytes('x'))
    expect(await found({ snapshot: removed })).toEqual([
      ['damaged', retainedKey(place, big.path)],
      ['unlisted', retainedKey(place, 'day=b/nobody.parquet')],
    ])
  })

  test('a file that was cut short, and one that is gone', async () => {
    await put('day=b/small.parquet', bytes('smal'))
    await store.deleteMany([dataKey(place, 'day=a/big.parquet')])
    expect(await verify()).toEqual([
      {
        kind: 'missing',
        path: dataKey(place, 'day=a/big.parquet'),
        message: expect.stringContaining('the log lists it'),
      },
      { kind: 'damaged', path: dataKey(place, 'day=b/small.parquet'), message: 'found 4 bytes, expected 5' },
    ])
  })

  test('whatever was added by hand is unlisted, but not the markers that readers pass over', async () => {
    const strays = ['copy.parquet', 'day=a/notes.txt', '_delta_log/0.json', '_temporary/x.parquet']
    for (const path of [...strays, '_SUCCESS', '.keep', 'day=a/_SUCCESS']) await put(path, bytes('x'))
    const unlisted = await found()
    expect(unlisted).toEqual([...strays].sort().map((path) => ['unlisted', dataKey(place, path)]))
  })

  test('staging that no commit names is unlisted, unless its attempt is at work', async () => {
    const key = stagedKey(place, 'DEAD', 'day=a/x.parquet')
    await store.put(key, bytes('x'), { kind: 'any' })
    expect(await found()).toEqual([['unlisted', key]])
    expect(await found({ activeTxnIds: ['DEAD'] })).toEqual([])
  })

  test('a committed file that still waits to be placed is missing, its staged copy no stray', async () => {
    const path = 'day=b/small.parquet'
    await store.deleteMany([dataKey(place, path)])
    await store.put(stagedKey(place, 'T0', path), contents.get(path)!, { kind: 'any' })
    expect(await found()).toEqual([['missing', dataKey(place, path)]])
  })

  test('superseded files may stay where Delta is published, and only there', async () => {
    snapshot = await commitTo(store, staged(snapshot, 'T1', { remove: snapshot.files.slice(0, 1) }))
    expect(await found()).toEqual([['unlisted', dataKey(place, 'day=a/big.parquet')]])
    const view = entryKey(deltaViewPrefix(place), 1)
    expect(await found({ published: ['delta'] })).toEqual([['missing', view]])
    await store.copy(entryKey(logPrefix(place), 1), view)
    expect(await found({ published: ['delta'] })).toEqual([])
    await store.put(view, bytes('{}'), { kind: 'any' })
    expect(await found({ published: ['delta'] })).toEqual([['damaged', view]])
  })

  test('rows and keys are counted by whoever can read them, in whole files only', async () => {
    const asked: (readonly DataFile[])[] = []
    const counting = {
      countRows: async () => 3,
      duplicateKeys: async (files: readonly DataFile[]) => {
        asked.push(files)
        return 2
      },
    }
    expect(await found(counting)).toEqual([['duplicate-key', place.dataPrefix]])
    expect(await verify({ countRows: async () => 4 })).toEqual(
      [...contents.keys()].map((path) => ({
        kind: 'count',
        path: dataKey(place, path),
        message: 'found 4 rows, expected 3',
      })),
    )
    await put('day=b/small.parquet', bytes('smalL'))
    expect(await found(counting)).toEqual([['damaged', dataKey(place, 'day=b/small.parquet')]])
    expect(asked).toEqual([snapshot.files])
  })
})
