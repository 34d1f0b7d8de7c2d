import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { changes, rows, test } from './cli-test.ts'
import { dmscdc, stdoutOf } from './process.ts'

describe('--json', () => {
  test('prints one document with the fields of the contract, and nothing else on stdout while the log flows', async ({
    places,
    land,
    command,
    json,
  }) => {
    await land('s/t/LOAD00000001.parquet', rows)
    await command('tables')
    await command('set', 's.t', '--active', '--primary-key', 'id')
    const planned = await json('plan')
    expect(planned.tables[0]).toMatchObject({
      table: 's.t',
      work: 'initial',
      inputs: ['LOAD00000001.parquet'],
      error: null,
    })
    expect(keysOf(planned, 'tables')).toEqual([
      ['tables'],
      [
        'table',
        'work',
        'inputs',
        'changes',
        'filesToRewrite',
        'bytesToRead',
        'bytesToWrite',
        'requests',
        'costUsd',
        'error',
      ].sort(),
    ])

    const run = await dmscdc(['run', '--json', '--verbose'], places.environment)
    expect(run.code).toBe(0)
    for (const line of run.stderr.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('msg')
    const ran = JSON.parse(run.stdout)
    expect(ran).toMatchObject({
      ok: true,
      tables: [{ table: 's.t', status: 'initial', version: 0, files: 1, filesAdded: 1, error: null, warnings: [] }],
    })
    expect(keysOf(ran, 'tables')).toEqual([
      ['ok', 'requests', 'tables'],
      [
        ...[
          'table',
          'status',
          'version',
          'files',
          'changes',
          'filesRewritten',
          'filesAdded',
          'filesRemoved',
          'bytesRead',
        ],
        ...['bytesWritten', 'requests', 'ms', 'freshnessSeconds', 'warnings', 'error'],
      ].sort(),
    ])
    expect(Object.keys(ran.tables[0].changes).sort()).toEqual([
      'deleted',
      'ignored',
      'inserted',
      'unchanged',
      'updated',
    ])
    expect(Object.keys(ran.tables[0].requests)).toEqual(expect.arrayContaining(['get', 'put', 'list', 'delete']))

    await land('s/t/20240102-000000000.parquet', changes)
    const listed = await json('tables')
    expect(listed.tables[0]).toMatchObject({
      ...{ table: 's.t', active: true, primaryKey: ['id'], partitionKey: [], status: 'ready', version: 0, rows: 5 },
      ...{ files: 1, pending: 1, held: null },
    })
    expect(keysOf(listed, 'tables')[1]).toEqual(
      [
        ...[
          'table',
          'active',
          'primaryKey',
          'partitionKey',
          'status',
          'version',
          'rows',
          'files',
          'bytes',
          'lastFullLoadDate',
        ],
        ...['lastIncrementalFile', 'pending', 'held', 'freshThrough', 'lastRun', 'adopted', 'candidateKeys'],
      ].sort(),
    )
    const merged = await json('run')
    expect(merged.tables[0].changes).toEqual({ inserted: 1, updated: 1, deleted: 1, unchanged: 0, ignored: 0 })
    expect((await json('tables')).tables[0].freshThrough).toBe('2024-01-02T00:00:00.000Z')

    const verified = await json('verify')
    expect(verified).toMatchObject({ ok: true, tables: [{ ok: true, version: 1, rows: 5, files: 1, problems: [] }] })
    expect(keysOf(verified, 'tables')).toEqual([
      ['ok', 'tables'],
      ['files', 'ok', 'problems', 'rows', 'table', 'version'],
    ])
    writeFileSync(join(places.lake, 's/t/by-hand.parquet'), '')
    const { problems } = JSON.parse(await stdoutOf(['verify', '--json'], places.environment, 1)).tables[0]
    expect(problems).toEqual([{ kind: 'unlisted', path: 's/t/by-hand.parquet', message: expect.any(String) }])
  })
})

/** The names of a document's fields, and of those of the first of its items. */
function keysOf(document: Record<string, unknown>, items: string): readonly (readonly string[])[] {
  const [first] = document[items] as Record<string, unknown>[]
  return [Object.keys(document).sort(), Object.keys(first ?? {}).sort()]
}
