import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LakeType } from '../src/domain.ts'
import { commitBody } from '../src/lake/commit-body.ts'
import { deltaTypeName, parseDeltaType, parseSchemaString, schemaString } from '../src/lake/delta-types.ts'
import { checkpointKey, dataKey, entryKey, logPrefix, parseLogKey, stagedKey, stagedTxnId } from '../src/lake/keys.ts'
import { entryTxnId, parseEntry, parseLines } from '../src/lake/parse-actions.ts'
import { decodeAddPath, encodeAddPath, parsePartitionFolder, partitionFolder } from '../src/lake/partition-path.ts'
import { committedSnapshot } from '../src/lake/snapshot.ts'
import { bytes, columns, dataFile, place, receipt, staged } from './support/lake-fixtures.ts'

describe('keys', () => {
  test('every key of a table has its one form', () => {
    expect(dataKey(place, 'a=1/part.parquet')).toBe('sales/orders/a=1/part.parquet')
    expect(stagedKey(place, 'T', 'p')).toBe('_dmscdc/sales/orders/staging/T/p')
    expect(entryKey(logPrefix(place), 12)).toBe('_dmscdc/sales/orders/_delta_log/00000000000000000012.json')
    const checkpoint = checkpointKey(logPrefix(place), 12)
    expect(parseLogKey(logPrefix(place), checkpoint)).toEqual({ kind: 'checkpoint', version: 12 })
    expect(parseLogKey(logPrefix(place), `${logPrefix(place)}_last_checkpoint`)).toBeNull()
    expect(stagedTxnId(place, stagedKey(place, 'T', 'a=1/p'))).toBe('T')
    expect(stagedTxnId(place, '_dmscdc/sales/orders/staging/stray')).toBeNull()
  })
})

describe('types', () => {
  const kinds = ['boolean', 'byte', 'short', 'integer', 'long', 'float', 'double', 'string', 'binary', 'date'] as const
  const types: LakeType[] = [
    ...kinds.map((kind) => ({ kind })),
    { kind: 'timestamp' },
    { kind: 'decimal', precision: 38, scale: 6 },
  ]

  test.each(types)('$kind comes back from its Delta name', (type) => {
    expect(parseDeltaType(deltaTypeName(type))).toEqual(type)
  })

  test('a schema comes back with its field ids, and every column is nullable', () => {
    const schema = types.map((type, at) => ({ name: `c "${at}"`, type, fieldId: at + 5 }))
    expect(parseSchemaString(schemaString(schema))).toEqual(schema)
    expect(schemaString(columns)).toBe(
      '{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{"dmscdc.fieldId":1}},' +
        '{"name":"day","type":"string","nullable":true,"metadata":{"dmscdc.fieldId":2}}]}',
    )
  })

  test.each(['constructor', 'timestamp_ntz', 'struct', ''])('the type %j is none of the lake', (name) => {
    expect(parseDeltaType(name)).toBeNull()
  })

  test('a schema that dmscdc did not write is a corrupt lake', () => {
    expect(() => parseSchemaString('{"type":"struct","fields":[{"name":"a","type":"long"}]}')).toThrow(/schemaString/u)
  })
})

describe('partitions', () => {
  // Value → folder as Spark writes it → `add.path` segment.
  const samples: [string | null, string, string][] = [
    ['07094', 'p=07094', 'p=07094'],
    ['a b', 'p=a b', 'p=a%20b'],
    [' a', 'p= a', 'p=%20a'],
    ['a ', 'p=a ', 'p=a%20'],
    ['a/b', 'p=a%2Fb', 'p=a%252Fb'],
    ['a=b', 'p=a%3Db', 'p=a%253Db'],
    ['a%b', 'p=a%25b', 'p=a%2525b'],
    ['a:b', 'p=a%3Ab', 'p=a%253Ab'],
    ["a'b", 'p=a%27b', 'p=a%2527b'],
    ['a#b', 'p=a%23b', 'p=a%2523b'],
    ['a?b', 'p=a%3Fb', 'p=a%253Fb'],
    ['a+b', 'p=a+b', 'p=a%2Bb'],
    ['a{b', 'p=a%7Bb', 'p=a%257Bb'],
    ['a[b', 'p=a%5Bb', 'p=a%255Bb'],
    ['a\\b', 'p=a%5Cb', 'p=a%255Cb'],
    ['a&b', 'p=a&b', 'p=a%26b'],
    ['a,b', 'p=a,b', 'p=a%2Cb'],
    ['a;b', 'p=a;b', 'p=a%3Bb'],
    ['a~b', 'p=a~b', 'p=a~b'],
    ['a.b', 'p=a.b', 'p=a.b'],
    ['ü', 'p=ü', 'p=%C3%BC'],
    ['😀', 'p=😀', 'p=%F0%9F%98%80'],
    ['NULL', 'p=NULL', 'p=NULL'],
    ['2024-01-02', 'p=2024-01-02', 'p=2024-01-02'],
    ['a"*]^b', 'p=a%22%2A%5D%5Eb', 'p=a%2522%252A%255D%255Eb'],
    ['a\n\u007fb', 'p=a%0A%7Fb', 'p=a%250A%257Fb'],
    [null, 'p=__HIVE_DEFAULT_PARTITION__', 'p=__HIVE_DEFAULT_PARTITION__'],
  ]

  test.each(samples)('%j lies in %j, and the log says %j', (value, folder, encoded) => {
    expect(partitionFolder(['p'], { p: value })).toBe(`${folder}/`)
    expect(encodeAddPath(`${folder}/x.parquet`)).toBe(`${encoded}/x.parquet`)
    expect(decodeAddPath(`${encoded}/x.parquet`)).toBe(`${folder}/x.parquet`)
    expect(parsePartitionFolder(`${folder}/x.parquet`)).toEqual({ p: value })
  })

  test('an empty text shares the folder of NULL', () => {
    expect(partitionFolder(['p'], { p: '' })).toBe(partitionFolder(['p'], { p: null }))
    expect(partitionFolder([], {})).toBe('')
  })

  test('any column and any value come back from folder and from add.path', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 })
    fc.assert(
      fc.property(text, text, text, (column, first, second) => {
        const other = `${column}2`
        const path = `${partitionFolder([column, other], { [column]: first, [other]: second })}part-1.parquet`
        expect(path.split('/')).toHaveLength(3)
        expect(decodeAddPath(encodeAddPath(path))).toBe(path)
        expect(new Map(Object.entries(parsePartitionFolder(path)))).toEqual(
          new Map([
            [column, first],
            [other, second],
          ]),
        )
      }),
    )
  })
})

describe('commit body', () => {
  const first = staged(null, 'T0', { add: [dataFile('day=a b/p0.parquet', 'T0')] })
  const text = (body: Uint8Array) => new TextDecoder().decode(body)
  const lines = (body: Uint8Array) => text(body).trimEnd().split('\n')

  test('a first version says who, protocol, schema, files, load and progress, in Delta form', () => {
    const parsed = lines(commitBody(first, '0.1.0')).map((line) => JSON.parse(line))
    expect(parsed.map((line) => Object.keys(line)[0])).toEqual([
      'commitInfo',
      'protocol',
      'metaData',
      'add',
      'domainMetadata',
      'domainMetadata',
    ])
    expect(parsed[0].commitInfo).toMatchObject({
      operation: 'INITIAL',
      operationParameters: { landing: '["20240612-103127367.parquet"]' },
      operationMetrics: { numTargetFilesAdded: '1', numTargetFilesRemoved: '0' },
      engineInfo: 'dmscdc/0.1.0',
      txnId: 'T0',
      dmscdc: receipt,
    })
    expect(parsed[0].commitInfo).not.toHaveProperty('readVersion')
    expect(parsed[1].protocol).toEqual({
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ['appendOnly', 'invariants', 'domainMetadata', 'dmscdc-exclusiveWriter'],
    })
    expect(parsed[2].metaData).toMatchObject({
      partitionColumns: ['day'],
      configuration: { 'delta.logRetentionDuration': 'interval 7 days' },
    })
    expect(parsed[2].metaData.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u)
    expect(parsed[3].add).toMatchObject({
      path: 'day=a%20b/p0.parquet',
      partitionValues: { day: 'a b' },
      dataChange: true,
      tags: {
        'dmscdc.segments': `${first.add[0]?.path.length}:${'ab'.repeat(32)}`,
        'dmscdc.footerBytes': '100',
        'dmscdc.fields': '1,2',
        'dmscdc.txn': 'T0',
      },
    })
    expect(parsed[4].domainMetadata.domain).toBe('dmscdc.load')
    expect(parsed[5].domainMetadata.domain).toBe('dmscdc.progress')
  })

  test('statistics keep every digit on the way in and out', () => {
    const body = commitBody(first, '0.1.0')
    expect(text(body)).toContain('{\\"id\\":9007199254740993}')
    expect(committedSnapshot(null, body).files[0]?.stats).toBe(first.add[0]?.stats)
    expect(committedSnapshot(null, body).files[0]?.rows).toBe(3)
  })

  test('a snapshot has what the commit said', () => {
    const snapshot = committedSnapshot(null, commitBody(first, '0.1.0'))
    expect(snapshot).toMatchObject({ version: 0, txnId: 'T0', columns, partitionColumns: ['day'], tombstones: [] })
    expect(snapshot.files).toEqual([{ ...first.add[0], addedVersion: 0 }])
    expect(snapshot.progress).toEqual(first.progress)
    expect(snapshot.load).toEqual(first.load)
  })

  test('a later version repeats neither protocol nor schema nor load, and names what it read', () => {
    const base = committedSnapshot(null, commitBody(first, '0.1.0'))
    const merge = staged(base, 'T1', { add: [dataFile('day=b/p1.parquet', 'T1')], remove: base.files })
    const body = commitBody(merge, '0.1.0')
    const kinds = lines(body).map((line) => Object.keys(JSON.parse(line))[0])
    expect(kinds).toEqual(['commitInfo', 'remove', 'add', 'domainMetadata'])
    expect(JSON.parse(lines(body)[0] ?? '').commitInfo.readVersion).toBe(0)
    expect(entryTxnId(body)).toBe('T1')
    const head = committedSnapshot(base, body)
    expect(head.files.map(({ path }) => path)).toEqual(['day=b/p1.parquet'])
    expect(head.tombstones).toEqual([
      {
        path: 'day=a b/p0.parquet',
        partition: { day: 'a b' },
        sizeBytes: first.add[0]?.sizeBytes,
        deletedAtMs: merge.timestampMs,
        deletedVersion: 1,
      },
    ])
  })

  test('a schema change keeps the identity of the table', () => {
    const base = committedSnapshot(null, commitBody(first, '0.1.0'))
    const wider = [...columns, { name: 'new', type: { kind: 'date' }, fieldId: 3 } as const]
    const head = committedSnapshot(
      base,
      commitBody(staged(base, 'T1', { schema: { columns: wider, partitionColumns: ['day'] } }), '0.1.0'),
    )
    expect(head).toMatchObject({ columns: wider, tableUuid: base.tableUuid, createdMs: base.createdMs })
  })

  test('files that only were arranged anew are no data change', () => {
    const base = committedSnapshot(null, commitBody(first, '0.1.0'))
    const rewrite = staged(base, 'T1', {
      operation: 'REWRITE',
      add: [dataFile('day=b/p1.parquet', 'T1')],
      remove: base.files,
    })
    expect(text(commitBody(rewrite, '0.1.0')).match(/"dataChange":false/gu)).toHaveLength(2)
  })

  test('an empty text as a partition value is written as null', () => {
    const empty = staged(null, 'T0', { add: [dataFile('day=x/p.parquet', 'T0', { partition: { day: '' } })] })
    expect(text(commitBody(empty, '0.1.0'))).toContain('"partitionValues":{"day":null}')
  })

  test('a commit that would break the log is a bug, before anything is written', () => {
    const base = committedSnapshot(null, commitBody(first, '0.1.0'))
    const file = dataFile('day=b/p1.parquet', 'T1')
    const wrong = [
      staged(base, 'T1', { add: [file, file] }),
      staged(base, 'T1', { add: [dataFile('day=a b/p0.parquet', 'T1')] }),
      staged(base, 'T1', { remove: [file] }),
      staged(base, 'T1', { add: [{ ...file, partition: {} }] }),
      staged(base, 'T1', { add: [{ ...file, rows: 4 }] }),
      staged(null, 'T1', { schema: null }),
    ]
    for (const commit of wrong) expect(() => commitBody(commit, '0.1.0')).toThrow(/^staged commit: /u)
  })

  test('any path, partition value and statistics text survive the log', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), fc.bigInt(), (value, number) => {
        const path = `${partitionFolder(['day'], { day: value })}p.parquet`
        const stats = `{"numRecords":3,"minValues":{"id":${number}}}`
        const file = dataFile(path, 'T0', { partition: { day: value }, stats })
        const body = commitBody(staged(null, 'T0', { add: [file] }), '0.1.0')
        expect(committedSnapshot(null, body).files).toEqual([{ ...file, addedVersion: 0 }])
      }),
    )
  })
})

describe('reading entries', () => {
  test('takes the one hash of earlier versions for that of the whole file, and refuses hashes of fewer bytes', () => {
    const sizeBytes = 'p0.parquet'.length
    const commit = staged(null, 'T0', { add: [dataFile('p0.parquet', 'T0')] })
    const now = Buffer.from(commitBody(commit, '0.1.0')).toString()
    const tag = `"dmscdc.segments":"${sizeBytes}:${'ab'.repeat(32)}"`
    expect(now).toContain(tag)
    const before = now.replace(tag, `"dmscdc.sha256":"${'ab'.repeat(32)}"`)
    expect(committedSnapshot(null, Buffer.from(before)).files[0]).toMatchObject({
      segments: [{ bytes: sizeBytes, sha256: 'ab'.repeat(32) }],
      deadBytes: 0,
    })
    const fewer = now.replace(tag, `"dmscdc.segments":"${sizeBytes - 1}:${'ab'.repeat(32)}"`)
    expect(() => committedSnapshot(null, Buffer.from(fewer))).toThrow('content hashes of 9 bytes for a file of 10')
  })

  test.each([
    ['not JSON', '{"add":'],
    ['an add without our tags', '{"add":{"path":"a","partitionValues":{},"size":1,"modificationTime":1,"stats":"{}"}}'],
    ['an unsafe size', '{"remove":{"path":"a","partitionValues":{},"size":9007199254740993,"deletionTimestamp":1}}'],
    ['a newer protocol', '{"protocol":{"minReaderVersion":3,"minWriterVersion":7}}'],
    ['an unknown feature', '{"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["rowTracking"]}}'],
    ['malformed progress', '{"domainMetadata":{"domain":"dmscdc.progress","configuration":"{}","removed":false}}'],
    ['a malformed path', '{"remove":{"path":"%zz","partitionValues":{},"size":1,"deletionTimestamp":1}}'],
  ])('%s is a corrupt lake that names the line', (_, line) => {
    expect(() => parseLines('00.json', ['', line])).toThrow(/^lake log 00\.json line 2: /u)
  })

  test('what is not text is a corrupt lake, and belongs to no attempt', () => {
    const garbage = new Uint8Array([0xff, 0xfe, 0x00])
    expect(() => parseEntry('00.json', garbage)).toThrow('lake log 00.json: not UTF-8 text')
    expect(entryTxnId(garbage)).toBeNull()
    expect(entryTxnId(bytes('{"commitInfo":{}}\n'))).toBeNull()
  })

  test('actions of others that do no harm are passed over', () => {
    const domain = '{"domainMetadata":{"domain":"delta.x","configuration":"{}","removed":false}}'
    expect(parseLines('00.json', ['{"txn":{"appId":"x","version":1}}', domain])).toEqual([])
  })
})
