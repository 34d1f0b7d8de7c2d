import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compareBytes } from '../../src/domain.ts'
import { type ListOptions, listAll, type ObjectStore, type PutBody } from '../../src/objects/object-store.ts'

/**
 * What every adapter of ObjectStore keeps. `make` gives an empty store; `scratch` is a folder of the test. `noNames`: key
 * segments that the server behind the adapter, not the adapter, cannot hold.
 */
export function describeObjectStore(
  name: string,
  make: (scratch: string) => Promise<ObjectStore>,
  { noNames = [] }: { noNames?: readonly string[] } = {},
): void {
  describe(`ObjectStore, ${name}`, () => {
    let scratch: string
    let store: ObjectStore

    beforeEach(async () => {
      scratch = await mkdtemp(join(tmpdir(), 'dmscdc-objects-'))
      store = await make(scratch)
    })
    afterEach(() => rm(scratch, { recursive: true, force: true }))

    const put = (key: string, text = key) => store.put(key, Buffer.from(text), { kind: 'any' })
    const text = async (key: string) => {
      const found = await store.get(key)
      return found === null ? null : Buffer.from(found.body).toString()
    }
    const keys = async (options: ListOptions) => {
      const found: string[] = []
      for await (const page of listAll(store, options)) found.push(...page.objects.map((object) => object.key))
      return found
    }

    describe('list', () => {
      it('is one empty page where there is nothing', async () => {
        expect(await store.list({ prefix: '' })).toEqual({ objects: [], folders: [], next: null })
        expect(await store.list({ prefix: 'no/such/' })).toEqual({ objects: [], folders: [], next: null })
      })

      it('is in byte order of the UTF-8 key, in folders as across them', async () => {
        const all = [
          't/a-b',
          't/a/b',
          't/a/b.c',
          't/a0',
          't/aa',
          't/a b',
          't/B',
          't/\u{1F600}',
          't/\uFFFD',
          't/é',
          't/\u{1F600}/x',
          't/a.d/x',
          's/z',
          'u',
        ]
        const fit = all.filter((key) => key !== 't/\u{1F600}')
        await Promise.all(fit.map((key) => put(key)))
        expect(await keys({ prefix: '' })).toEqual([...fit].sort(compareBytes))
      })

      it('takes a prefix that ends in the middle of a name, and one that is a whole key', async () => {
        await Promise.all(['a/LOAD1', 'a/LOAD2', 'a/2024', 'ab/x', 'a-b', 'b'].map((key) => put(key)))
        expect(await keys({ prefix: 'a/LO' })).toEqual(['a/LOAD1', 'a/LOAD2'])
        expect(await keys({ prefix: 'a' })).toEqual(['a-b', 'a/2024', 'a/LOAD1', 'a/LOAD2', 'ab/x'])
        expect(await keys({ prefix: 'a/2024' })).toEqual(['a/2024'])
        expect(await keys({ prefix: 'a/2024/' })).toEqual([])
        expect(await keys({ prefix: '../' })).toEqual([])
        expect(await keys({ prefix: 'a//' })).toEqual([])
      })

      it('starts after any text, be it a key or not, and inside of folders', async () => {
        const all = ['a-b', 'a/1', 'a/2/x', 'a/2/y', 'a/3', 'a0', 'b']
        await Promise.all(all.map((key) => put(key)))
        for (const after of [
          '',
          'a',
          'a-b',
          'a/',
          'a/1',
          'a/2',
          'a/2/',
          'a/2/x',
          'a/2/xx',
          'a/2/y',
          'a/20',
          'a/3',
          'a0',
          'az',
          'b',
          'c',
        ]) {
          expect(await keys({ prefix: '', after }), `after ${after}`).toEqual(
            all.filter((key) => compareBytes(key, after) > 0),
          )
          expect(await keys({ prefix: 'a/', after }), `a/ after ${after}`).toEqual(
            all.filter((key) => key.startsWith('a/') && compareBytes(key, after) > 0),
          )
        }
      })

      it('rolls keys up at the delimiter', async () => {
        await Promise.all(
          ['sales/orders/1', 'sales/orders/2', 'sales/items/1', 'sales/x', 'hr/people/1', 'top'].map((key) => put(key)),
        )
        const root = await store.list({ prefix: '', delimiter: '/' })
        expect([root.folders, root.objects.map((object) => object.key), root.next]).toEqual([
          ['hr/', 'sales/'],
          ['top'],
          null,
        ])
        const sales = await store.list({ prefix: 'sales/', delimiter: '/' })
        expect([sales.folders, sales.objects.map((object) => object.key)]).toEqual([
          ['sales/items/', 'sales/orders/'],
          ['sales/x'],
        ])
        expect((await store.list({ prefix: 'sales/o', delimiter: '/' })).folders).toEqual(['sales/orders/'])
        expect((await store.list({ prefix: '', delimiter: '/', after: 'hr/' })).folders).toEqual(['sales/'])
      })

      it('has no folder without an object', async () => {
        await put('gone/deep/x')
        await put('stays/x')
        await store.deleteMany(['gone/deep/x'])
        expect((await store.list({ prefix: '', delimiter: '/' })).folders).toEqual(['stays/'])
      })

      it('gives pages of 1,000, each key once, and goes on where the last page ended', async () => {
        const all = Array.from({ length: 2_101 }, (_, i) => `t/${i % 3}/${String(i).padStart(5, '0')}`)
        const scratchFile = join(scratch, 'empty')
        await writeFile(scratchFile, '')
        for (let i = 0; i < all.length; i += 200) {
          await Promise.all(all.slice(i, i + 200).map((key) => store.put(key, { scratchFile }, { kind: 'absent' })))
        }
        const pages: string[][] = []
        for await (const page of listAll(store, { prefix: 't/' })) pages.push(page.objects.map((object) => object.key))
        expect(pages.map((page) => page.length)).toEqual([1_000, 1_000, 101])
        expect(pages.flat()).toEqual([...all].sort(compareBytes))
        expect(await keys({ prefix: 't/1/', after: 't/1/02090' })).toEqual(['t/1/02092', 't/1/02095', 't/1/02098'])
      })

      it('counts folders into the page', async () => {
        for (let i = 0; i < 1_001; i += 143) {
          await Promise.all(Array.from({ length: 143 }, (_, j) => put(`t/${String(i + j).padStart(5, '0')}/x`)))
        }
        const first = await store.list({ prefix: 't/', delimiter: '/' })
        const second = await store.list({ prefix: 't/', delimiter: '/', after: first.next as string })
        expect([first.folders.length, second.folders, second.next]).toEqual([1_000, ['t/01000/'], null])
      })

      it('says of an object what head and get say', async () => {
        await put('a/b', 'four')
        const [listed] = (await store.list({ prefix: '' })).objects
        expect(listed).toMatchObject({ key: 'a/b', sizeBytes: 4 })
        expect(await store.head('a/b')).toEqual(listed)
        expect((await store.get('a/b'))?.info).toEqual(listed)
      })
    })

    describe('get, head and fetch', () => {
      it('answer null for what is missing', async () => {
        await put('a/b')
        for (const key of ['x', 'a', 'a/b/c', 'a/c']) {
          expect([await store.get(key), await store.head(key), await store.fetch(key)]).toEqual([null, null, null])
        }
      })

      it('read ranges, from the end too, cut at the ends of the object', async () => {
        await put('x', '0123456789')
        const cases: [number, number, string][] = [
          [0, 3, '012'],
          [8, 5, '89'],
          [10, 1, ''],
          [12, 3, ''],
          [3, 0, ''],
          [-4, 4, '6789'],
          [-4, 2, '67'],
          [-20, 3, '012'],
        ]
        for (const [start, length, expected] of cases) {
          const found = await store.get('x', { start, length })
          expect(Buffer.from(found?.body ?? []).toString(), `${start}+${length}`).toBe(expected)
          expect(found?.info.sizeBytes).toBe(10)
        }
      })

      it('fetch a whole object as a file, with its hash when asked for', async () => {
        const body = Buffer.alloc(3_000_000, 'dmscdc')
        await store.put('big', body, { kind: 'any' })
        const plain = await store.fetch('big')
        const hashed = await store.fetch('big', { sha256: true })
        const ranged = await store.fetch('big', { ranges: [{ start: 1, length: 2 }] })
        const listed = (await store.list({ prefix: 'big' })).objects[0]?.etag
        expect([plain?.etag, hashed?.etag, ranged?.etag]).toEqual([listed, listed, listed])
        await ranged?.release()
        expect(plain?.sha256).toBe(null)
        expect(await hashed?.sha256?.()).toBe(createHash('sha256').update(body).digest('hex'))
        expect((await readFile(hashed?.path as string)).equals(body)).toBe(true)
        await plain?.release()
        await hashed?.release()
        await hashed?.release()
        expect((await store.get('big'))?.info.sizeBytes).toBe(body.length)
      })

      it('fetch ranges at their places in a file of the whole size', async () => {
        await put('x', '0123456789')
        const copy = await store.fetch('x', {
          ranges: [
            { start: 1, length: 2 },
            { start: -3, length: 3 },
          ],
        })
        const bytes = await readFile(copy?.path as string)
        expect([bytes.length, bytes.subarray(1, 3).toString(), bytes.subarray(7).toString()]).toEqual([10, '12', '789'])
        await copy?.release()
      })
    })

    describe('put', () => {
      it('stores what it was given, also nothing at all', async () => {
        await put('a', 'one')
        await put('a', 'two')
        await put('empty', '')
        expect([await text('a'), await text('empty')]).toEqual(['two', ''])
      })

      it('takes odd names as they are', async () => {
        const odd = [
          'a b',
          "it's",
          '"quoted"',
          '%2e%2e',
          'a\\b',
          'ü',
          '\u{1F600}',
          'day=2024-01-01',
          'x=%2F',
          '*?[',
          '#&;~',
          '.hidden',
          '...',
          'new\nline',
        ].filter((segment) => !noNames.includes(segment))
        for (const name of odd) await put(`t/${name}/${name}`, name)
        expect(await keys({ prefix: 't/' })).toEqual(odd.map((name) => `t/${name}/${name}`).sort(compareBytes))
        for (const name of odd) expect(await text(`t/${name}/${name}`)).toBe(name)
      })

      it('stores a scratch file, which may be deleted then', async () => {
        for (const condition of [{ kind: 'any' }, { kind: 'absent' }] as const) {
          const scratchFile = join(scratch, randomUUID())
          await writeFile(scratchFile, condition.kind)
          expect((await store.put(`deep/${condition.kind}/x`, { scratchFile }, condition)).kind).toBe('stored')
          await rm(scratchFile)
          expect(await text(`deep/${condition.kind}/x`)).toBe(condition.kind)
        }
      })

      it('throws unavailable, certainly without effect, where the scratch file is missing', async () => {
        const putting = store.put('x', { scratchFile: join(scratch, 'none') }, { kind: 'absent' })
        await expect(putting).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
        expect(await keys({ prefix: '' })).toEqual([])
      })

      it(`with 'absent' leaves an object that is there as it is`, async () => {
        const first = await store.put('x', Buffer.from('first'), { kind: 'absent' })
        const second = await store.put('x', Buffer.from('second'), { kind: 'absent' })
        expect([first.kind, second.kind, await text('x')]).toEqual(['stored', 'precondition-failed', 'first'])
      })

      it(`with 'match' replaces only the content that it names`, async () => {
        const absent = await store.put('x', Buffer.from('0'), { kind: 'match', etag: 'none' })
        const first = await store.put('x', Buffer.from('1'), { kind: 'absent' })
        const etag = first.kind === 'stored' ? first.etag : ''
        const second = await store.put('x', Buffer.from('2'), { kind: 'match', etag })
        const third = await store.put('x', Buffer.from('3'), { kind: 'match', etag })
        expect([absent.kind, second.kind, third.kind, await text('x')]).toEqual([
          'precondition-failed',
          'stored',
          'precondition-failed',
          '2',
        ])
      })

      it('lets exactly one of 20 writers win, and its bytes are the ones that stand', async () => {
        const first = await store.put('match', Buffer.from('first'), { kind: 'any' })
        const etag = first.kind === 'stored' ? first.etag : ''
        for (const [key, condition] of [
          ['race/absent', { kind: 'absent' }],
          ['match', { kind: 'match', etag }],
        ] as const) {
          const outcomes = await Promise.all(
            Array.from({ length: 20 }, (_, i) => store.put(key, Buffer.from(`writer ${i}`), condition)),
          )
          const winners = outcomes.flatMap((outcome, i) => (outcome.kind === 'stored' ? [i] : []))
          expect(winners).toHaveLength(1)
          expect(await text(key)).toBe(`writer ${winners[0]}`)
        }
      })

      it('answers with the ETag that head then gives', async () => {
        const outcome = await put('x', 'one')
        expect(outcome).toEqual({ kind: 'stored', etag: (await store.head('x'))?.etag })
      })

      it('gives other content another ETag, at any speed, and keeps the ETag of what stays', async () => {
        const seen = new Set<string>()
        for (let i = 100; i < 200; i++) {
          await put('x', `${i}`)
          seen.add((await store.head('x'))?.etag as string)
        }
        expect(seen.size).toBe(100)
        const before = await store.head('x')
        await put('y', 'other')
        await text('x')
        await store.copy('x', 'z')
        expect(await store.head('x')).toEqual(before)
      })
    })

    describe('copy', () => {
      it('makes and replaces the target, and leaves the source', async () => {
        await put('a/one', '1')
        await put('b/two', '2')
        expect([await store.copy('a/one', 'new/deep/one'), await store.copy('a/one', 'b/two')]).toEqual([
          'copied',
          'copied',
        ])
        expect([await text('a/one'), await text('new/deep/one'), await text('b/two')]).toEqual(['1', '1', '1'])
      })

      it('can be done again, and onto itself', async () => {
        await put('a', '1')
        for (const target of ['b', 'b', 'a']) expect(await store.copy('a', target)).toBe('copied')
        expect(await keys({ prefix: '' })).toEqual(['a', 'b'])
      })

      it('is its own object: replacing or deleting one leaves the other', async () => {
        await put('a', 'old')
        await store.copy('a', 'b')
        await put('a', 'new')
        expect(await text('b')).toBe('old')
        await store.deleteMany(['a'])
        expect(await text('b')).toBe('old')
      })

      it('of a missing object says so, and changes nothing', async () => {
        await put('b', 'old')
        expect(await store.copy('a', 'b')).toBe('missing')
        expect(await text('b')).toBe('old')
      })
    })

    describe('putSpliced', () => {
      const mebibyte = 1_048_576
      // Below and above the least size of a part on S3.
      it.each([
        ['a few bytes', 10, 4],
        ['nothing', 10, 0],
        ['all', 10, 10],
        ['a part', 6 * mebibyte, 5 * mebibyte],
        ['nearly all of a large one', 6 * mebibyte, 6 * mebibyte - 1],
      ])('keeps %s of another and puts the tail behind', async (_what, size, bytes) => {
        const base = Buffer.alloc(size, 'abcdefghijk')
        await store.put('old/base', base, { kind: 'any' })
        const tail = join(scratch, 'tail')
        await writeFile(tail, 'the tail')
        expect(await store.putSpliced('new/a b=ü', { from: 'old/base', bytes }, { scratchFile: tail })).toBe('stored')
        const whole = Buffer.concat([base.subarray(0, bytes), Buffer.from('the tail')])
        expect((await store.head('new/a b=ü'))?.sizeBytes).toBe(whole.length)
        expect(Buffer.compare((await store.get('new/a b=ü'))?.body ?? Buffer.from(''), whole)).toBe(0)
        expect((await store.head('old/base'))?.sizeBytes).toBe(size)
      })

      it('takes bytes as a tail, a large file too, and replaces what is there', async () => {
        await put('base', 'old and more')
        await put('a', 'another')
        expect(await store.putSpliced('a', { from: 'base', bytes: 4 }, Buffer.from('tail'))).toBe('stored')
        expect(await text('a')).toBe('old tail')
        const large = join(scratch, 'large')
        await writeFile(large, Buffer.alloc(3 * mebibyte, 'xyz'))
        expect(await store.putSpliced('a', { from: 'base', bytes: 3 }, { scratchFile: large })).toBe('stored')
        expect(await text('a')).toBe(`old${'xyz'.repeat(mebibyte)}`)
      })

      it.each([4, 6 * mebibyte])('waits for a tail that is on its way behind %i bytes', async (bytes) => {
        const base = Buffer.alloc(bytes, 'base')
        await store.put('base', base, { kind: 'any' })
        let give: (tail: PutBody | null) => void = () => {}
        const tail = new Promise<PutBody | null>((resolve) => {
          give = resolve
        })
        const put = store.putSpliced('a', { from: 'base', bytes }, tail)
        expect(await store.head('a')).toBe(null)
        give(Buffer.from('tail'))
        expect(await put).toBe('stored')
        const stored = (await store.get('a'))?.body ?? Buffer.from('')
        expect(Buffer.compare(stored, Buffer.concat([base, Buffer.from('tail')]))).toBe(0)
      })

      it('stores nothing where the tail turns out to be none', async () => {
        await put('base', 'a base')
        expect(await store.putSpliced('a', { from: 'base', bytes: 4 }, Promise.resolve(null))).toBe('dropped')
        expect(await store.head('a')).toBe(null)
      })

      it.each([4, 6 * mebibyte])(
        'says that a base is missing, or has fewer than %i bytes, and stores nothing',
        async (bytes) => {
          await store.put('short', Buffer.alloc(bytes - 1), { kind: 'any' })
          expect(await store.putSpliced('a', { from: 'none', bytes }, Buffer.from('tail'))).toBe('missing')
          expect(await store.putSpliced('a', { from: 'short', bytes }, Buffer.from('tail'))).toBe('missing')
          expect(await store.head('a')).toBe(null)
        },
      )
    })

    describe('deleteMany', () => {
      it('deletes what is there, of more keys than one request takes', async () => {
        const scratchFile = join(scratch, 'x')
        await writeFile(scratchFile, 'x')
        const there = Array.from({ length: 30 }, (_, i) => `t/${i}/x`)
        await Promise.all(there.map((key) => store.put(key, { scratchFile }, { kind: 'any' })))
        await put('t/stays')
        await store.deleteMany([...there, ...Array.from({ length: 1_100 }, (_, i) => `none/${i}`)])
        await store.deleteMany([])
        expect(await keys({ prefix: '' })).toEqual(['t/stays'])
      })

      it('never takes a put with it that comes into the same folder', async () => {
        for (let i = 0; i < 40; i++) {
          await put('t/d/old')
          await Promise.all([store.deleteMany(['t/d/old']), put('t/d/new'), store.deleteMany(['t/d/none'])])
          expect(await text('t/d/new')).toBe('t/d/new')
          await store.deleteMany(['t/d/new'])
        }
      })
    })

    it('names its place with a slash at the end', async () => {
      expect([store.url.endsWith('/'), store.place.endsWith('/')]).toEqual([true, true])
    })
  })
}
