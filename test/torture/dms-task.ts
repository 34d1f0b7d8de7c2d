import { copyFile, readdir, rename } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pLimit from 'p-limit'
import { fileTime } from '../../sample-db/change-batches.ts'
import { type Source, withConnection } from '../../sample-db/connection.ts'
import { follow } from '../../sample-db/follow.ts'
import { fullLoad } from '../../sample-db/full-load.ts'
import { type BinlogPosition, compareBinlog, masterPosition, type Position } from '../../sample-db/position.ts'
import { type DmsSettings, defaultSettings } from '../../sample-db/settings.ts'
import type { Random } from '../e2e/seeded-random.ts'
import { schema } from './tables.ts'
import type { Tally } from './tally.ts'

export type TaskPlan = {
  readonly name: string
  readonly tables: readonly string[]
  readonly settings: Partial<DmsSettings>
  readonly replicaId: number
  /**
   * Whether a restart may go back to an earlier position. It redelivers every change since then, in order, so each key ends where it was.
   * On a table without a key an insert that comes twice is two rows, as the contract says: such a task goes on from where it stood.
   */
  readonly goesBack: boolean
  /**
   * Whether single files of old changes may come again behind newer ones, as of a restart that ended before it had caught up. Only a sequence
   * column tells those from new changes.
   */
  readonly repeatsFiles: boolean
  /**
   * Whether LOAD files may be late. Where the only one of a load that was taken has the same bytes in the next load, that one passes for the rest of
   * the first. With a key the changes between are applied again and come to the same; without one their rows are there twice, a
   * limitation. The first rows of a table that is never updated are the same in every load.
   */
  readonly lateLoads: boolean
}

export type TaskWorld = {
  readonly source: Source
  readonly outbox: string
  readonly random: Random
  readonly tally: Tally
  /** Waits until all that the outbox holds of a table stands in the landing, with older dates than what comes now. */
  readonly settle: (table: string) => Promise<void>
}

/** A DMS task that is stopped, started again and told to load tables anew. Its calls wait for each other. */
export type DmsTask = {
  readonly plan: TaskPlan
  /** The full load; then it follows. */
  start(): Promise<void>
  /** Ends it and starts it again, perhaps from an earlier position. */
  restart(): Promise<void>
  /** The table lost all its rows, or is to be loaded anew for no reason: both end in a reload. */
  owe(table: string, how: 'emptied' | 'asked'): Promise<void>
  /** Loads the tables anew that it owes. */
  payDebts(): Promise<void>
  /** Ends it when all that the source has logged is written and no table waits to be loaded anew. */
  drain(): Promise<void>
  resume(): Promise<void>
  /** Whether the changes in the file of that time had been delivered before. */
  isRedelivery(fileMs: number | null): boolean
  /** What the source has logged and this has not delivered yet; without end where it is a whole binlog file behind. */
  lagBytes(): Promise<number>
  stop(): Promise<void>
}

type Following = { readonly abort: AbortController; readonly ended: Promise<void> }

/** Saved positions to go back to. Few, and seldom: changes that come again also mend what was merged wrongly before. */
const savedMax = 12
const goesBackOneIn = 4

export function dmsTask(plan: TaskPlan, world: TaskWorld): DmsTask {
  const { source, random, tally, outbox } = world
  const settings = { ...defaultSettings, ...plan.settings }
  const filter = { schema, tables: plan.tables }
  const oneByOne = pLimit(1)
  const debts = new Set<string>()
  const emptiedAt = new Map<string, BinlogPosition>()
  const redeliveries: { readonly fromMs: number; toMs: number }[] = []
  let saved: Position[] = []
  let position: Position | null = null
  let delivered: BinlogPosition | null = null
  let following: Following | null = null

  const reached = (now: Position) => {
    position = now
    const last = saved.at(-1)
    if (last === undefined || compareBinlog(last.binlog, now.binlog) !== 0) saved = [...saved, now].slice(-savedMax)
    const open = redeliveries.at(-1)
    if (delivered === null || compareBinlog(now.binlog, delivered) >= 0) {
      delivered = now.binlog
      if (open?.toMs === Number.POSITIVE_INFINITY) open.toMs = Date.now()
    }
  }
  const followFrom = (from: Position, untilCaughtUp: boolean, signal: AbortSignal) =>
    follow(from, {
      ...{
        source,
        filter,
        settings,
        target: outbox,
        nowMs: Date.now,
        replicaId: plan.replicaId,
        untilCaughtUp,
        signal,
      },
      save: async (now) => reached(now),
    })
  const begin = (from: Position) => {
    const abort = new AbortController()
    const ended = followFrom(from, false, abort.signal).then(reached)
    // Whoever stops it hears of its failure.
    ended.catch(() => {})
    following = { abort, ended }
  }
  const stop = async () => {
    following?.abort.abort()
    await following?.ended
    following = null
  }
  const catchUp = async () => {
    await stop()
    reached(await followFrom(position as Position, true, new AbortController().signal))
  }
  const loadAnew = async (table: string) => {
    debts.delete(table)
    // A TRUNCATE that is not passed yet would take the new files away.
    await catchUp()
    await world.settle(table)
    const TargetTablePrepMode = plan.settings.TargetTablePrepMode ?? random.pick(['DO_NOTHING', 'DROP_AND_CREATE'])
    const at = await fullLoad({
      ...{ source, target: outbox, nowMs: Date.now, filter: { schema, tables: [table] } },
      settings: { ...settings, TargetTablePrepMode },
    })
    tally.add('reloads')
    tally.note('reloaded', { table, TargetTablePrepMode, binlog: at.binlog, from: position?.binlog })
    // Without a key no change may come a second time, and this is the task's only table.
    if (!plan.goesBack) position = { ...(position as Position), binlog: at.binlog, catalog: at.catalog }
  }
  /** A file as it was, under a name that sorts now; a tenth digit sets it off from those of the task itself. */
  const repeatFile = async () => {
    const folder = join(outbox, schema, random.pick(plan.tables))
    const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d{8}-\d{9}\./u.test(name))
    if (names.length === 0) return
    const name = random.pick(names)
    // Two of one millisecond would be one.
    await sleep(2)
    const growing = join(outbox, `.${plan.name}.repeated`)
    await copyFile(join(folder, name), growing)
    await rename(growing, join(folder, `${fileTime(Date.now())}5${extname(name)}`))
    tally.add('repeated files')
    tally.note('repeated', { folder, name })
  }
  const goBack = (): Position => {
    const now = position as Position
    if (!plan.goesBack || saved.length === 0 || random.below(goesBackOneIn) > 0) return now
    const earlier = saved[random.below(saved.length)] as Position
    // What the position lies before empties the table a second time, new LOAD files and all.
    for (const [table, at] of emptiedAt) if (compareBinlog(earlier.binlog, at) < 0) debts.add(table)
    if (compareBinlog(earlier.binlog, now.binlog) < 0) {
      redeliveries.push({ fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY })
      tally.add('restarts that go back')
    }
    // DMS names no file twice.
    return { ...earlier, lastNameMs: now.lastNameMs }
  }

  return {
    plan,
    start: () =>
      oneByOne(async () => {
        position = await fullLoad({ source, target: outbox, filter, settings, nowMs: Date.now })
        begin(position)
      }),
    restart: () =>
      oneByOne(async () => {
        await stop()
        if (plan.repeatsFiles) await repeatFile()
        tally.add('restarts')
        const from = goBack()
        tally.note('restarted', { task: plan.name, from: from.binlog, was: position?.binlog })
        position = from
        begin(from)
      }),
    async owe(table, how) {
      if (how === 'emptied') emptiedAt.set(table, await withConnection(source, masterPosition))
      debts.add(table)
    },
    payDebts: () =>
      oneByOne(async () => {
        if (debts.size === 0) return
        await stop()
        for (const table of [...debts]) await loadAnew(table)
        begin(position as Position)
      }),
    drain: () =>
      oneByOne(async () => {
        while (debts.size > 0) for (const table of [...debts]) await loadAnew(table)
        await catchUp()
        // Nothing that comes behind these puts right what they did.
        if (plan.repeatsFiles) for (let count = 0; count < 3; count++) await repeatFile()
      }),
    resume: () => oneByOne(async () => begin(position as Position)),
    isRedelivery: (fileMs) =>
      fileMs !== null && redeliveries.some(({ fromMs, toMs }) => fileMs >= fromMs && fileMs <= toMs),
    async lagBytes() {
      const [end, now] = [await withConnection(source, masterPosition), position?.binlog]
      return now?.file === end.file ? end.offset - now.offset : Number.POSITIVE_INFINITY
    },
    stop: () => oneByOne(stop),
  }
}
