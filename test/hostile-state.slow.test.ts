import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { limits } from '../src/limits.ts'
import type { Lab } from './support/lab.ts'
import { filesBelow, rowsOf, test } from './support/lab-test.ts'
import { editRow } from './support/row-file.ts'

const types = { id: 'integer', v: 'varchar' }

/** Two tables that are loaded. */
async function loaded(lab: Lab): Promise<void> {
  for (const table of ['t', 'u']) {
    await lab.land(`s/${table}/LOAD00000001.parquet`, rowsOf(types, [[1, 'a']]))
    await lab.land(`s/${table}/20240101-000000001.parquet`, rowsOf({ Op: 'varchar', ...types }, [['U', 1, 'b']]))
  }
  await lab.run()
  await lab.set('s.*', { active: true, primaryKey: 'id' })
  await lab.run()
  for (const table of ['t', 'u'])
    await lab.land(`s/${table}/20240101-000000002.parquet`, rowsOf({ Op: 'varchar', ...types }, [['U', 1, 'c']]))
}

describe('a state row', () => {
  const nested = `{"PrimaryKey": ${'['.repeat(5_000)}${']'.repeat(5_000)}}`
  const texts: [string, string, string][] = [
    ['as deep as no item is', nested, 'levels'],
    ['larger than an item can be', JSON.stringify({ PrimaryKey: 'x'.repeat(limits.rowBytes) }), 'bytes'],
  ]
  test.for(texts)('%s is held alone', async ([, text, what], { lab }) => {
    await loaded(lab)
    await writeFile(join(lab.state, 's/t.json'), text)
    const reports = await lab.run()
    expect(reports).toMatchObject([
      { status: 'held', error: { kind: 'invalid-config' } },
      { status: 'incremental', error: null },
    ])
    expect(reports[0]?.error?.message).toContain(what)
  })

  test.for([{ toString: 1, valueOf: 'x' }, -1e300, 1e308, '5', true])(
    'with %j for the table’s size is merged: that is but a guess at what it needs',
    async (size, { lab }) => {
      await loaded(lab)
      await editRow(lab, { Bytes: size })
      expect(await lab.run()).toMatchObject([{ status: 'incremental', error: null }, { status: 'incremental' }])
    },
  )

  const slow: [string, unknown][] = [
    ['out_path', `/${'/'.repeat(300_000)}x`],
    ['folder', `${'/'.repeat(300_000)}x`],
    ['LookBack', '1d'.repeat(150_000)],
    ['PrimaryKey', Array.from({ length: 40_000 }, (_, at) => `c${String(at)}`).join()],
    ['CsvColumns', `id ${'a '.repeat(100_000)}!`],
    ['LastIncrementalFile', 'x'.repeat(300_000)],
  ]
  test.for(slow)(
    'with a %s that is all length is held at once',
    { timeout: 20_000 },
    async ([name, value], { lab }) => {
      await loaded(lab)
      await editRow(lab, { [name]: value })
      const reports = await lab.run()
      expect(reports).toMatchObject([
        { status: 'held', error: { kind: 'invalid-config' } },
        { status: 'incremental', error: null },
      ])
      expect(reports[0]?.error?.message.length).toBeLessThan(limits.messageLength + 30)
    },
  )

  test.for([3, 17, 4_294_967_295, 9_007_199_254_740_991])(
    'with the version %d, which the log has not, is held at once',
    { timeout: 20_000 },
    async (version, { lab }) => {
      await loaded(lab)
      await editRow(lab, { Version: version })
      expect(await lab.run()).toMatchObject([
        { status: 'held', error: { kind: 'corrupt-lake' } },
        { status: 'incremental', error: null },
      ])
    },
  )
})

describe('a log', () => {
  const log = '_dmscdc/s/t/_delta_log'

  /** The last entry with the text of its actions changed. */
  async function editLog(lab: Lab, change: (text: string) => string): Promise<void> {
    const path = join(lab.lake, log, '00000000000000000001.json')
    await writeFile(path, change(await readFile(path, 'utf8')))
  }

  const remove = (path: string) => (text: string) =>
    `${text}${JSON.stringify({ remove: { path, deletionTimestamp: 1, dataChange: true, partitionValues: {}, size: 1 } })}\n`
  const damages: [string, (text: string) => string][] = [
    ['whose file leads out of the folder', (text) => text.replace(/"path":"part-/u, '"path":"../u/part-')],
    ['whose file leads out in other letters', (text) => text.replace(/"path":"part-/u, '"path":"..%2Fu%2Fpart-')],
    ['whose file is absolute', (text) => text.replace(/"path":"part-/u, '"path":"/etc/part-')],
    ['whose removed file is another table’s', remove('%2e%2e/u/x.parquet')],
    ['whose removed file is a view’s', remove('_delta_log/00000000000000000000.json')],
    ['whose attempt leads out of the staging', (text) => text.replace(/"dmscdc.txn":"/u, '"dmscdc.txn":"../../u/')],
    [
      'whose file has more rows than a file can',
      (text) => text.replace('\\"numRecords\\":1', '\\"numRecords\\":9007199254740991'),
    ],
    ['whose file is larger than an object can be', (text) => text.replace(/"size":\d+/u, '"size":9007199254740991')],
    [
      'whose hashes are of more bytes than its file has',
      (text) => text.replace(/segments":"/u, '$&9:' + 'ab'.repeat(32) + ','),
    ],
    [
      'whose hashes are of numbers that are none',
      (text) => text.replace(/segments":"\d+/u, 'segments":"99999999999999999999'),
    ],
    ['whose hashes are of no bytes', (text) => text.replace(/segments":"/u, '$&0:' + 'ab'.repeat(32) + ',')],
    ['whose hash is none', (text) => text.replace(/segments":"\d+:[0-9a-f]{64}/u, 'segments":"4:../../u')],
    [
      'whose file is dead as a whole',
      (text) => text.replace('"dmscdc.footerBytes"', '"dmscdc.dead":"5497558138880",$&'),
    ],
    ['of a time that is none', (text) => text.replace(/"timestamp":\d+/u, '"timestamp":9007199254740991')],
    ['that is cut short', (text) => text.slice(0, -20)],
  ]
  test.for(damages)('%s is held as corrupt, and nothing is touched by it', async ([, damage], { lab }) => {
    await loaded(lab)
    await editLog(lab, damage)
    await editRow(lab, { Digest: undefined })
    const before = (await filesBelow(lab.lake)).filter((key) => !key.includes('s/u/'))
    const reports = await lab.run()
    expect(reports).toMatchObject([
      { status: 'held', error: { kind: 'corrupt-lake' } },
      { status: 'incremental', error: null },
    ])
    expect((await filesBelow(lab.lake)).filter((key) => !key.includes('s/u/'))).toEqual(before)
    expect(await lab.rows('s.u')).toEqual([{ id: 1, v: 'c' }])
    expect((await lab.verify()).map(({ table, ok }) => [table, ok])).toEqual([
      ['s.t', false],
      ['s.u', true],
    ])
  })

  test.for(['00000000009999999999', '99999999999999999999'])(
    'with an entry of version %s is read at once',
    { timeout: 20_000 },
    async (version, { lab }) => {
      await loaded(lab)
      await writeFile(join(lab.lake, log, `${version}.json`), '{}')
      await editRow(lab, { Version: undefined })
      const [report, other] = await lab.run()
      expect(report?.error?.kind ?? 'none').toBe(version.startsWith('9') ? 'none' : 'corrupt-lake')
      expect(other).toMatchObject({ status: 'incremental' })
    },
  )
})
