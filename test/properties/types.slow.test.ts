import fc from 'fast-check'
import { expect } from 'vitest'
import { decimalText } from '../../sample-db/csv.ts'
import { hyparquetFile } from '../support/dms-parquet.ts'
import { type DmsType, typeGroups } from '../support/dms-types.ts'
import type { Lab } from '../support/lab.ts'
import { test } from '../support/lab-test.ts'
import { applied, type Change, type Contents } from '../support/oracle.ts'
import { lakeRows } from '../support/typed-rows.ts'

type Text = string | null
type Event = { readonly op: 'I' | 'U' | 'D'; readonly id: number; readonly picks: readonly Text[] }
/** `without`: a column that the file lacks. */
type File = { readonly events: readonly Event[]; readonly without: number | null }
type History = {
  readonly types: readonly DmsType[]
  readonly keyed: boolean
  readonly load: readonly Event[]
  readonly files: readonly File[]
}

const allTypes = Object.values(typeGroups).flat()

const histories: fc.Arbitrary<History> = fc
  .uniqueArray(fc.constantFrom(...allTypes), { minLength: 1, maxLength: 6, selector: ({ name }) => name })
  .chain((types) => {
    const event = fc.record({
      op: fc.constantFrom('I', 'U', 'U', 'D' as const),
      id: fc.integer({ min: 1, max: 8 }),
      picks: fc.tuple(
        ...types.map((type) => fc.option(fc.oneof(fc.constantFrom(...type.texts), anyText(type)), { freq: 8 })),
      ),
    })
    return fc.record({
      types: fc.constant(types),
      keyed: fc.boolean(),
      load: fc.uniqueArray(event, { maxLength: 8, selector: ({ id }) => id }),
      files: fc.array(
        fc.record({
          events: fc.array(event, { minLength: 1, maxLength: 10 }),
          without: fc.option(fc.nat(types.length - 1), { freq: 5 }),
        }),
        { maxLength: 4 },
      ),
    })
  }) as fc.Arbitrary<History>

/** Any value of the type, made from whole numbers and JavaScript's own floats. */
function anyText({ file }: DmsType): fc.Arbitrary<string> {
  switch (file.kind) {
    case 'boolean':
      return fc.boolean().map(String)
    case 'integer': {
      const span = 2n ** BigInt(file.bits - (file.signed ? 1 : 0))
      return fc.bigInt(file.signed ? -span : 0n, span - 1n).map(String)
    }
    case 'decimal': {
      const most = 10n ** BigInt(file.precision) - 1n
      return fc.bigInt(-most, most).map((value) => decimalText(value, file.scale))
    }
    case 'float':
      return fc.float().map(floatText)
    case 'double':
      return fc.double().map(floatText)
    case 'date':
      return fc
        .integer({ min: -719162, max: 2932896 })
        .map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10))
    case 'time':
      return instants(0n, 86_400_000_000n, file.unit).map((text) => text.slice(11, -1))
    case 'timestamp':
      return instants(-62_135_596_800_000_000n, 253_402_300_800_000_000n, file.unit)
    case 'string':
      return fc.string({ unit: 'binary', maxLength: 40 })
    case 'binary':
      return fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('hex'))
  }
}

const floatText = (value: number) => (Object.is(value, -0) ? '-0' : String(value))

function instants(from: bigint, to: bigint, unit: 'MILLIS' | 'MICROS'): fc.Arbitrary<string> {
  return fc.bigInt(from, to - 1n).map((drawn) => {
    const millis = drawn / 1000n - (drawn % 1000n < 0n ? 1n : 0n)
    const micros = unit === 'MILLIS' ? 0n : drawn - millis * 1000n
    return `${new Date(Number(millis)).toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}Z`
  })
}

test('random histories of random types leave the values that landed', async ({ lab }) => {
  let made = 0
  const holds = fc.asyncProperty(histories, (history) => expectValues(lab, `t${String(made++)}`, history))
  await fc.assert(holds, { numRuns: Number(process.env.DMSCDC_RUNS ?? 25) })
})

/** Keyed by the id and, if it has two equal texts for no two equal values, the first column. */
async function expectValues(lab: Lab, table: string, { types, keyed, load, files }: History) {
  const [first] = types
  const inKey = keyed && first !== undefined && first.lake !== 'float' && first.lake !== 'double'
  const keyColumns = inKey ? ['id', first.name] : ['id']
  let contents: Contents = new Map()
  const land = async (name: string, events: readonly Event[], without: number | null) => {
    const kept = types.filter((_, at) => at !== without)
    const rows = events.map(({ picks }) => picks.filter((_, at) => at !== without))
    const operations = name.startsWith('LOAD') ? {} : { operations: events.map(({ op }) => op) }
    await lab.landBytes(
      `s/${table}/${name}.parquet`,
      hyparquetFile({ types: kept, ids: events.map(({ id }) => id), rows, ...operations }),
    )
    contents = applied(
      { keyColumns, emptyIsNull: [] },
      contents,
      events.map((event) => changeOf(event, types, without)),
    )
  }
  const expectLanded = async () => {
    const [report] = await lab.run({ tables: [{ schema: 's', table }] })
    expect(report).toMatchObject({ error: null })
    const found = contents.size === 0 ? [] : await lakeRows(lab, `s.${table}`, types)
    const sorted = (rows: Iterable<unknown>) => Array.from(rows, (row) => JSON.stringify(row)).sort()
    expect(sorted(found)).toEqual(sorted(contents.values()))
  }
  await land(
    'LOAD00000001',
    load.map((event) => ({ ...event, op: 'I' })),
    null,
  )
  await lab.set(`s.${table}`, { active: true, primaryKey: keyColumns.join(',') })
  await expectLanded()
  for (const [at, { events, without }] of files.entries()) {
    await land(`20240101-00000000${String(at)}`, events, inKey && without === 0 ? null : without)
    await expectLanded()
  }
}

function changeOf({ op, id, picks }: Event, types: readonly DmsType[], without: number | null): Change {
  const cells = types.map(({ name }, at) => [name, at === without ? null : (picks[at] ?? null)])
  return { op, row: { id: String(id), ...Object.fromEntries(cells) } }
}
