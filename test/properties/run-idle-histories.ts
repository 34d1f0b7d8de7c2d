import { copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { expect } from 'vitest'
import { replayFile } from '../../src/controller/landing-commands.ts'
import { asDmscdcError, UsageError } from '../../src/errors.ts'
import type { TableReport } from '../../src/process-table/table-report.ts'
import { type Lab, redate } from '../support/lab.ts'
import { filesBelow, rowsOf } from '../support/lab-test.ts'
import { readRow } from '../support/row-file.ts'
import { smallPages } from '../support/small-pages.ts'

/** What happens to a landing, and runs. `choice` stands for one of the files there are, `back` is in units between two names. */
export type Step =
  | { readonly kind: 'run' | 'next' | 'reload' | 'late load' | 'all go' }
  | { readonly kind: 'late' | 'look back'; readonly back: number }
  | { readonly kind: 'rewrite' | 'go' | 'replay'; readonly choice: number }
  | { readonly kind: 'hours pass'; readonly hours: number }

export type IdleHistory = {
  /** Right below the table's folder, a minute between two names; or in the folder of a day, a day between them. */
  readonly layout: 'flat' | 'days'
  readonly onVanish: 'warn' | 'hold' | 'truncate'
  readonly keyed: boolean
  readonly steps: readonly Step[]
}

export function idleHistories(): fc.Arbitrary<IdleHistory> {
  const one = (weight: number, kind: Step['kind'], more: Record<string, fc.Arbitrary<unknown>> = {}) => ({
    weight,
    arbitrary: fc.record({ kind: fc.constant(kind), ...more }) as fc.Arbitrary<Step>,
  })
  const step = fc.oneof(
    one(12, 'run'),
    one(5, 'next'),
    one(5, 'late', { back: fc.nat(14) }),
    one(2, 'look back', { back: fc.integer({ min: 1, max: 6 }) }),
    one(2, 'rewrite', { choice: fc.nat(99) }),
    one(2, 'go', { choice: fc.nat(99) }),
    one(1, 'replay', { choice: fc.nat(99) }),
    one(2, 'hours pass', { hours: fc.nat(30) }),
    one(1, 'reload'),
    one(1, 'late load'),
    one(1, 'all go'),
  )
  return fc.record({
    layout: fc.constantFrom('flat', 'days'),
    onVanish: fc.constantFrom('warn', 'hold', 'truncate'),
    keyed: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    steps: fc.array(step, { minLength: 6, maxLength: 24 }),
  })
}

/**
 * Two tables live through the same. Of one the landing has a page for each three names, so that it has a window; the other is listed whole at
 * every run. After each run both have taken the same and hold the same. Tells how many runs of the first listed less than all.
 */
export async function expectWindowsToChangeNothing(lab: Lab, history: IdleHistory): Promise<number> {
  const bed = openBed(lab, history)
  let spared = 0
  const run = async () => {
    const pages = Math.max(1, Math.ceil((await bed.keys()).length / pageKeys))
    const [windowed, whole] = [await bed.run('windowed'), await bed.run('whole')]
    expect(windowed.seen).toEqual(whole.seen)
    spared += windowed.lists < pages ? 1 : 0
  }
  try {
    await bed.happens({ kind: 'reload' })
    for (let at = 0; at < filesAtFirst; at++) await bed.happens({ kind: 'next' })
    await bed.happens({ kind: 'look back', back: 2 })
    for (const step of history.steps) await (step.kind === 'run' ? run() : bed.happens(step))
    await run()
    await bed.happens({ kind: 'hours pass', hours: 23 })
    await run()
    return spared
  } finally {
    await bed.clear()
  }
}

const pageKeys = 3
const filesAtFirst = 14
const tables = ['windowed', 'whole'] as const
const columns = { id: 'bigint', v: 'varchar' }

function openBed(lab: Lab, { layout, onVanish, keyed }: IdleHistory) {
  const schema = `x${lab.ports.newId()}`
  const unit = layout === 'flat' ? { text: 'm', ms: 60_000 } : { text: 'd', ms: 86_400_000 }
  let [newest, written, laterMs] = [0, 0, 0]
  const clock = { ...lab.ports.clock, nowMs: () => lab.ports.clock.nowMs() + laterMs }
  const ports = { ...lab.ports, clock }
  const portsOf = { windowed: { ...ports, landing: smallPages(ports.landing, pageKeys) }, whole: ports }

  const keyAt = (units: number) => {
    const digits = new Date(Date.UTC(2024, 0, 1) + units * unit.ms).toISOString().replaceAll(/[-:.TZ]/gu, '')
    const [year, month, day] = [digits.slice(0, 4), digits.slice(4, 6), digits.slice(6, 8)]
    const folder = layout === 'flat' ? '' : `${year}/${month}/${day}/`
    return `${folder}${digits.slice(0, 8)}-${digits.slice(8, 17)}.parquet`
  }
  const keys = () => filesBelow(join(lab.landing, schema, 'whole'))
  const write = async (key: string) => {
    written++
    const isLoad = key.startsWith('LOAD')
    const rows = [[isLoad ? written : written % 3, `v${String(written)}`]]
    const types = isLoad ? columns : { Op: 'varchar', ...columns }
    const made = await lab.land('made', rowsOf(types, isLoad ? rows : rows.map((row) => ['I', ...row])))
    for (const table of tables) {
      const path = join(lab.landing, schema, table, key)
      await mkdir(dirname(path), { recursive: true })
      // A new object, as DMS writes it.
      await rm(path, { force: true })
      await copyFile(made, path)
      await redate(path, new Date(Date.UTC(2025, 0, 1) + written * 1_000).toISOString())
    }
  }
  const remove = async (key: string) => {
    for (const table of tables) await rm(join(lab.landing, schema, table, key), { recursive: true, force: true })
  }
  const chosen = async (choice: number) => {
    const all = await keys()
    return all[choice % all.length]
  }

  return {
    keys,
    async happens(step: Exclude<Step, { kind: 'run' }>): Promise<void> {
      switch (step.kind) {
        case 'next':
          newest += 1
          return write(keyAt(newest))
        case 'late':
          return write(keyAt(newest - step.back + (written % 60) / 60))
        case 'reload':
          return write('LOAD00000001.parquet')
        case 'late load':
          return write('LOAD00000002.parquet')
        case 'rewrite': {
          const key = await chosen(step.choice)
          return key === undefined ? undefined : write(key)
        }
        case 'go': {
          const key = await chosen(step.choice)
          return key === undefined ? undefined : remove(key)
        }
        case 'all go':
          return remove('')
        case 'hours pass':
          laterMs += step.hours * 3_600_000
          return
        case 'look back': {
          const primaryKey = keyed ? 'id' : ''
          const lookBack = `${String(step.back)}${unit.text}`
          for (const table of tables)
            await lab.set(`${schema}.${table}`, { active: true, primaryKey, onVanish, lookBack })
          return
        }
        case 'replay': {
          const key = await chosen(step.choice)
          if (key === undefined) return
          const refusals = []
          for (const table of tables)
            refusals.push(await replayFile(portsOf[table], { schema, table }, key).then(() => '', kindOf))
          expect(refusals[0]).toBe(refusals[1])
        }
      }
    },
    async run(table: (typeof tables)[number]) {
      const [report] = await lab.run({ ports: portsOf[table], tables: [{ schema, table }] })
      const { status, version, files, changes, warnings, error, requests } = report as TableReport
      const row = await readRow(lab, table, schema)
      const cursor = String(row.LastIncrementalFile).slice(String(row.path).length)
      const said = { status, version, files, changes, warnings: warnings.length, error: error?.kind, cursor }
      const rows = version === null ? [] : await rowsIn(table)
      return { seen: { ...said, rows }, lists: requests.list ?? 0 }
    },
    async clear() {
      for (const place of [lab.landing, lab.lake, join(lab.lake, '_dmscdc'), lab.state])
        await rm(join(place, schema), { recursive: true, force: true })
    },
  }

  async function rowsIn(table: string) {
    const files = await filesBelow(join(lab.lake, schema, table))
    return files.length === 0 ? [] : lab.rows(`${schema}.${table}`)
  }
}

const kindOf = (thrown: unknown) => (thrown instanceof UsageError ? 'refused' : asDmscdcError(thrown).kind)
