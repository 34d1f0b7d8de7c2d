import { execFile, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countRequests } from '../../src/objects/counting-objects.ts'
import { withFileLock } from '../../src/objects/file-lock.ts'
import { fileObjects } from '../../src/objects/file-objects.ts'
import { memoryObjects } from '../../src/objects/memory-objects.ts'
import { rehearsedObjects } from '../../src/objects/rehearsed-objects.ts'
import { processMark } from '../../src/own-process.ts'
import { describeObjectStore } from './object-store.ts'

describeObjectStore('file', async (scratch) => fileObjects(join(scratch, 'root')))
describeObjectStore('memory', async (scratch) => memoryObjects({ now: () => 0, scratchDir: join(scratch, 'fetched') }))
describeObjectStore('counting', async (scratch) => countRequests(fileObjects(join(scratch, 'root'))).store)
for (const [beneath, open] of [
  ['files', (scratch: string) => fileObjects(join(scratch, 'root'))],
  ['memory', (scratch: string) => memoryObjects({ now: () => 0, scratchDir: join(scratch, 'fetched') })],
] as const)
  describeObjectStore(`rehearsed on ${beneath}`, async (scratch) => {
    const keep = async () => join(scratch, `kept-${randomUUID()}`)
    return rehearsedObjects(open(scratch), { nowMs: Date.now, keep }).store
  })

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dmscdc-objects-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

describe('file objects', () => {
  it('are not what is no regular file with a name in UTF-8, nor what lies behind a link', async () => {
    await mkdir(join(dir, 'root/t'), { recursive: true })
    await mkdir(join(dir, 'outside'))
    await writeFile(join(dir, 'outside/secret'), 'x')
    await symlink(join(dir, 'outside'), join(dir, 'root/t/link'))
    await symlink(join(dir, 'outside/secret'), join(dir, 'root/t/file'))
    await promisify(execFile)('mkfifo', [join(dir, 'root/t/pipe')])
    await writeFile(Buffer.concat([Buffer.from(join(dir, 'root/t/')), Buffer.from([0x66, 0xff])]), 'x')
    await mkdir(join(dir, 'root/.dmscdc-tmp'))
    await writeFile(join(dir, 'root/.dmscdc-tmp/x'), 'x')
    await writeFile(join(dir, 'root/t/real'), 'x')
    const store = fileObjects(join(dir, 'root'))
    expect((await store.list({ prefix: '' })).objects.map((object) => object.key)).toEqual(['t/real'])
    expect((await store.list({ prefix: 't/link/' })).objects).toEqual([])
    expect([await store.get('t/file'), await store.get('t/pipe'), await store.head('t/file')]).toEqual([
      null,
      null,
      null,
    ])
    await store.deleteMany(['t/file', 't/real'])
    expect((await readdir(join(dir, 'root/t'))).includes('file')).toBe(true)
  })

  it('have no hash once they are written again: what was read before may be of the one before', async () => {
    const store = fileObjects(dir)
    await writeFile(join(dir, 'a'), 'one')
    const copy = await store.fetch('a', { sha256: true })
    await store.put('a', Buffer.from('two'), { kind: 'any' })
    await expect(copy?.sha256?.()).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
    await store.deleteMany(['a'])
    await expect(copy?.sha256?.()).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
  })

  it('have keys that a file system can hold: others are refused', async () => {
    const store = fileObjects(dir)
    for (const key of ['', '/a', 'a/', 'a//b', '.', 'a/../b', '..', 'a\0b']) {
      await expect(store.put(key, Buffer.from('x'), { kind: 'any' }), key).rejects.toMatchObject({
        kind: 'invalid-config',
      })
      await expect(store.copy('a', key), key).rejects.toMatchObject({ kind: 'invalid-config' })
    }
  })

  it('leave no temporary file and no empty folder behind', async () => {
    const store = fileObjects(join(dir, 'root'))
    const first = await store.put('a/b/x', Buffer.from('1'), { kind: 'absent' })
    await store.put('a/b/x', Buffer.from('2'), { kind: 'match', etag: first.kind === 'stored' ? first.etag : '' })
    await store.put('a/b/x', Buffer.from('3'), { kind: 'absent' })
    await store.copy('a/b/x', 'c/d/x')
    await store.copy('a/b/x', 'c/d/x')
    expect((await readdir(join(dir, 'root'))).sort()).toEqual(['a', 'c'])
    await store.deleteMany(['a/b/x', 'c/d/x'])
    expect(await readdir(join(dir, 'root'))).toEqual([])
  })

  it('remove what a process that died left half written, and nothing of one that lives', async () => {
    const temps = join(dir, '.dmscdc-tmp')
    await mkdir(temps)
    const [namespace] = processMark().split('-')
    const dead = spawnSync(process.execPath, ['--version']).pid
    const [ofDead, ofLiving, ofOthers] = [`${String(namespace)}-${String(dead)}`, processMark(), `1-${String(dead)}`]
    for (const mark of [ofDead, ofLiving, ofOthers]) await writeFile(join(temps, `${mark}-${randomUUID()}`), 'x')
    await writeFile(join(temps, `lock-0123.${ofDead}-0123456789ab`), 'x')
    await fileObjects(dir).put('x', Buffer.from('1'), { kind: 'absent' })
    const left = (await readdir(temps)).map((name) => name.split('-').slice(0, 2).join('-'))
    expect(left.sort()).toEqual([ofLiving, ofOthers].sort())
  })

  it('get a new ETag with each content, also where the clock stands still or went back', async () => {
    const store = fileObjects(dir)
    await store.put('x', Buffer.from('1'), { kind: 'any' })
    const ahead = new Date(Date.now() + 3_600_000)
    await utimes(join(dir, 'x'), ahead, ahead)
    const before = await store.head('x')
    await store.put('x', Buffer.from('2'), { kind: 'match', etag: before?.etag ?? '' })
    const between = await stat(join(dir, 'x'), { bigint: true })
    await store.put('x', Buffer.from('3'), { kind: 'any' })
    const after = await stat(join(dir, 'x'), { bigint: true })
    expect([Number(between.mtimeNs) > ahead.getTime() * 1e6, after.mtimeNs > between.mtimeNs]).toEqual([true, true])
  })

  it('name a key without the row values in its partition folders', async () => {
    const key = `s/t/p=${'secret'.repeat(50)}/part.parquet`
    await expect(fileObjects(dir).put(key, Buffer.from('x'), { kind: 'any' })).rejects.toMatchObject({
      message: 'put "s/t/p=…/part.parquet": ENAMETOOLONG: name too long',
    })
  })

  it('name the key, the reason and the way out where the file system refuses', async () => {
    await writeFile(join(dir, 'file'), 'x')
    const putting = fileObjects(dir).put('file/x', Buffer.from('x'), { kind: 'any' })
    await expect(putting).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringMatching(/^put "file\/x": E[A-Z]+: [^/]+$/u),
      hint: expect.stringContaining('either a file or a folder'),
      maybeApplied: false,
    })
    const folder = fileObjects(dir)
    await folder.put('a/b', Buffer.from('x'), { kind: 'any' })
    await expect(folder.put('a', Buffer.from('x'), { kind: 'absent' })).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(folder.put('a', Buffer.from('x'), { kind: 'any' })).rejects.toMatchObject({ kind: 'unavailable' })
  })

  it('write their place as a path, and as a URL that reads back', () => {
    const store = fileObjects('/data/my lake%/')
    expect([store.place, store.url]).toEqual(['/data/my lake%/', 'file:///data/my%20lake%25/'])
  })
})

describe('a file lock', () => {
  it('lets one in at a time', async () => {
    let inside = 0
    let most = 0
    const work = () =>
      withFileLock(join(dir, 'lock'), async () => {
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setTimeout(resolve, 2))
        inside--
      })
    await Promise.all(Array.from({ length: 30 }, work))
    expect([most, await readdir(dir)]).toEqual([1, []])
  })

  it('of a killed process is taken over by one alone, within seconds', async () => {
    await writeFile(join(dir, 'lock'), 'a killed holder')
    const startedMs = performance.now()
    let inside = 0
    let most = 0
    const work = () =>
      withFileLock(join(dir, 'lock'), async (assertHeld) => {
        most = Math.max(most, ++inside)
        await new Promise((resolve) => setTimeout(resolve, 1))
        assertHeld()
        inside--
      })
    await Promise.all(Array.from({ length: 20 }, work))
    expect(most).toBe(1)
    expect(performance.now() - startedMs).toBeLessThan(5_000)
    expect(await readdir(dir)).toEqual([])
  })

  it('is not trusted by a holder that was stopped for long', async () => {
    const late = withFileLock(join(dir, 'lock'), async (assertHeld) => {
      await new Promise((resolve) => setTimeout(resolve, 800))
      assertHeld()
    })
    await expect(late).rejects.toMatchObject({ kind: 'unavailable', maybeApplied: false })
  })
})

describe('memory objects', () => {
  it('hold a key beside keys below it, as S3 does', async () => {
    const store = memoryObjects({ now: () => 0, scratchDir: dir })
    for (const key of ['a', 'a/b', 'a-b', 'a/', 'a//b']) await store.put(key, Buffer.from(key), { kind: 'absent' })
    expect((await store.list({ prefix: '' })).objects.map((object) => object.key)).toEqual([
      'a',
      'a-b',
      'a/',
      'a//b',
      'a/b',
    ])
  })

  it('date objects in whole seconds, also copies, and have MD5 sums for ETags', async () => {
    let nowMs = 1_700_000_000_999
    const store = memoryObjects({ now: () => nowMs, scratchDir: dir })
    await store.put('a', Buffer.from('x'), { kind: 'any' })
    nowMs += 5_000
    await store.copy('a', 'b')
    const infos = (await store.list({ prefix: '' })).objects
    expect(infos.map((info) => info.modifiedMs)).toEqual([1_700_000_000_000, 1_700_000_005_000])
    expect(infos.map((info) => info.etag)).toEqual(Array(2).fill('9dd4e461268c8034f5c8564e155c67a6'))
  })

  it('delete a fetched copy on release, and hold nothing but the asked ranges in it', async () => {
    const store = memoryObjects({ now: () => 0, scratchDir: dir })
    await store.put('a', Buffer.from('0123456789'), { kind: 'any' })
    const copy = await store.fetch('a', { ranges: [{ start: 2, length: 1 }] })
    expect(await readFile(copy?.path as string, 'utf8')).toBe('\0\x002\0\0\0\0\0\0\0')
    await copy?.release()
    expect(await readdir(dir)).toEqual([])
  })
})

describe('counted requests', () => {
  it('are those that S3 bills, with the bytes that went either way', async () => {
    const { store, counts } = countRequests(memoryObjects({ now: () => 0, scratchDir: join(dir, 'fetched') }))
    await writeFile(join(dir, 'scratch'), '12345')
    await store.put('a', Buffer.from('123'), { kind: 'any' })
    await store.put('b', { scratchFile: join(dir, 'scratch') }, { kind: 'any' })
    await store.put('b', Buffer.from('123'), { kind: 'absent' })
    await store.get('a')
    await store.head('a')
    await store.get('none')
    await Promise.all([
      store.fetch('b'),
      store.fetch('b', {
        ranges: [
          { start: 0, length: 1 },
          { start: -2, length: 2 },
        ],
      }),
    ])
    await store.copy('a', 'c')
    await store.list({ prefix: '' })
    await store.deleteMany(Array.from({ length: 1_001 }, (_, i) => `${i}`))
    await store.deleteMany([])
    expect(counts()).toEqual({
      requests: { get: 6, put: 3, copy: 1, list: 1, delete: 2 },
      bytesRead: 3 + 5 + 3,
      bytesWritten: 3 + 5,
    })
  })
})
