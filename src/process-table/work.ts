import { type ChangeCounts, type Snapshot, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import type { CommitResult } from '../lake/commit.ts'
import { carryOut } from './carry-out.ts'
import { clearLanding } from './clear-landing.ts'
import { commitMove, commitWork, type Done, fence } from './commit-work.ts'
import type { TableWork } from './decide.ts'
import { standingEdit } from './edited-cursors.ts'
import { finishHead, writeCheckpointIfDue } from './finish-head.ts'
import type { HeldTable } from './held-table.ts'
import { obeyEdit } from './move-table.ts'
import { nextWork } from './next-work.ts'
import { openHead } from './open-head.ts'
import { isRestoredSince } from './restored-since.ts'
import { isSweepDue, sweepWith } from './sweep-table.ts'
import type { Totals } from './totals.ts'

/**
 * Decides, plans, does and commits until nothing is left to do. Finishing the head comes first: whatever a run before
 * this one left undone behind its commit is done now, so recovery is no branch of its own.
 */
export async function workUntilIdle(table: HeldTable, totals: Totals, stageWork = carryOut): Promise<void> {
  let head = await finishHead(table, await openHead(table.run))
  totals.head = head
  const before = head
  const step = async (): Promise<Done | null> => {
    if (isRestoredSince(table.run, head)) {
      totals.inactive = true
      return null
    }
    const edit = head === null ? null : standingEdit(table.run.mirror, head.progress)
    if (head !== null && edit !== null) {
      const done = await commitMove(table, head, await obeyEdit(table.run, head, edit))
      head = done.head
      addTo(totals, 'move', done)
      return done
    }
    const work = await nextWork(table.run, head, { batchBytesMax: table.run.ports.batchBytesMax })
    if (work.kind === 'held') throw work.error
    if (work.kind === 'idle') {
      table.upToDate = !work.waits
      return null
    }
    const done = await commitWork(table, head, work, stageWork)
    head = done.head
    addTo(totals, work.kind, done)
    totals.newest = newestOf(table, done) ?? totals.newest
    return done
  }
  const fenceOff = async (): Promise<CommitResult> => {
    // The work that failed may have committed before it did.
    head = await finishHead(table, await openHead(table.run))
    if (head === null) return { kind: 'lost', version: 0 }
    const done = await fence(table, head)
    head = done.head
    totals.head = head
    return done.result
  }
  for (let tries = isSweepDue(table, head) ? sweepsMax : 0; tries > 0; tries--)
    if (await sweep(table, head, { step, fenceOff })) break
  for (let lost = 0; lost < commitsLostMax; ) {
    const done = await step()
    if (done === null) {
      await writeCheckpointIfDue(table, head)
      await clearLanding(table, totals, { before, now: head })
      return
    }
    if (done.result.kind !== 'won') lost += 1
    if (done.result.kind === 'expired' && !(await table.renew())) {
      totals.warnings.push('this run stood still longer than its lease lasts, and another run took the table over')
      return
    }
  }
  throw new DmscdcError('conflict', `lost ${String(commitsLostMax)} commits in a row to other runs`, {
    hint: 'run again; see who else works on the table: dmscdc history <table>',
  })
}

/** Recovery alone, for a table that is inactive: what a dead run left is finished and cleared, nothing is taken. */
export async function finishWhatWasLeft(table: HeldTable): Promise<void> {
  const head = await finishHead(table, await openHead(table.run))
  if (head !== null && table.unswept) await sweepWith(table, head, async () => (await fence(table, head)).result)
}

const commitsLostMax = 20
const sweepsMax = 3

/** Clears what a dead run staged by the next work, or by an empty FENCE where there is none or it fails. */
async function sweep(
  table: HeldTable,
  head: Snapshot | null,
  by: { readonly step: () => Promise<Done | null>; readonly fenceOff: () => Promise<CommitResult> },
): Promise<boolean> {
  const { ports, place } = table.run
  return sweepWith(table, head, async () => {
    const done = await by.step().catch((error: unknown) => {
      ports.log.debug({ table: tableName(place.id), error: String(error) }, 'sweeps with a fence: the work failed')
      return null
    })
    return done?.result ?? by.fenceOff()
  })
}

function newestOf({ run }: HeldTable, { result, staged }: Done): Totals['newest'] {
  if (result.kind !== 'won' || staged.landingFiles.length === 0) return null
  const landedMs = staged.landingFiles.reduce((newest, { modifiedMs }) => Math.max(newest, modifiedMs), 0)
  return { landedMs, committedMs: run.ports.clock.nowMs() }
}

function addTo(totals: Totals, work: TableWork['kind'] | 'move', { result, head, staged }: Done): void {
  totals.head = head
  if (result.kind !== 'won') return
  totals.warnings.push(...(staged.warnings ?? []))
  if (work === 'initial' || work === 'rebuild') totals.loaded = true
  else totals.merged = true
  totals.files += staged.landingFiles.length
  totals.changes = addChanges(totals.changes, staged.changes)
  totals.filesRewritten += staged.filesRewritten
  totals.filesAdded += staged.add.length
  totals.filesRemoved += staged.remove.length
}

function addChanges(a: ChangeCounts, b: ChangeCounts): ChangeCounts {
  return {
    inserted: a.inserted + b.inserted,
    updated: a.updated + b.updated,
    deleted: a.deleted + b.deleted,
    unchanged: a.unchanged + b.unchanged,
    ignored: a.ignored + b.ignored,
  }
}
