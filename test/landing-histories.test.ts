import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type LandingFile, noProgress, type Progress } from '../src/domain.ts'
import { baseName, landingOrder } from '../src/landing/names.ts'
import { advance, isLate, lateReplay, pendingChanges } from '../src/landing/pending.ts'
import { changeAt, keys, takenOf } from './support/landing-files.ts'

describe('any history of arrivals within the look-back', () => {
  const lookBackMinutes = 90
  const folder = fc.constantFrom('', '12/2024/', '01/2025/')
  const arrive = fc.record({
    kind: fc.constant('arrive' as const),
    minutes: fc.integer({ min: -200, max: 120 }),
    folder,
  })
  const run = fc.record({
    kind: fc.constant('run' as const),
    takes: fc.array(fc.constantFrom('take', 'take', 'take', 'leave', 'skip'), { maxLength: 12 }),
    /** Files that turn up between the listing and the commit. */
    meanwhile: fc.array(arrive, { maxLength: 2 }),
  })
  const histories = fc.array(fc.oneof({ weight: 3, arbitrary: arrive }, run), { maxLength: 60 })

  test('every file is taken or passed over exactly once, and nothing pending is forgotten', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const landing = simulatedLanding(lookBackMinutes)
        let progress = noProgress
        const seen: string[] = []
        let taken = 0
        const runOnce = (takes: readonly string[], meanwhile: () => void) => {
          const listed = landing.list()
          const pending = pendingChanges(listed, progress)
          const decided = pending.map((file, i) => ({ file, what: takes[i] ?? 'leave' }))
          const used = decided.filter(({ what }) => what !== 'leave')
          meanwhile()
          const before = progress
          progress = advance(
            progress,
            used.map(({ file, what }) => ({
              ...takenOf(file),
              ...(what === 'skip' && { passedOver: 'skipped' as const }),
            })),
            {
              ...keys,
              lookBackMs: lookBackMinutes * 60_000,
              stillPending: decided.filter((d) => d.what === 'leave').map((d) => d.file),
            },
          )
          seen.push(...used.map(({ file }) => file.key))
          taken += used.filter(({ what }) => what === 'take').length
          expectSound(before, progress)
        }
        for (const event of history) {
          if (event.kind === 'arrive') landing.arrive(event)
          else runOnce(event.takes, () => event.meanwhile.forEach(landing.arrive))
          const known = new Set([...seen, ...pendingChanges(landing.list(), progress).map((file) => file.key)])
          expect(landing.list().filter((file) => !known.has(file.key))).toEqual([])
        }
        runOnce(new Array(200).fill('take'), () => {})
        expect(pendingChanges(landing.list(), progress)).toEqual([])
        expect([...seen].sort()).toEqual(
          landing
            .list()
            .map((file) => file.key)
            .sort(),
        )
        expect(progress.changeFilesTaken).toBe(taken)
        expect(progress.cursor).toBe(landing.list().at(-1)?.key ?? null)
      }),
      { numRuns: 400 },
    )
  })

  test('applying in the order of arrival with replays ends like applying in the order of names', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const landing = simulatedLanding(lookBackMinutes)
        let progress = noProgress
        /** Stands for the table: what was applied last, per one of three keys. */
        let table: readonly string[] = []
        const apply = (files: readonly LandingFile[]) => {
          const names = files.map((file) => file.key)
          table = [...table.filter((key) => !names.includes(key)), ...names]
        }
        const runOnce = () => {
          const pending = pendingChanges(landing.list(), progress)
          const late = pending.filter((file) => isLate(file, progress))
          const onTime = pending.filter((file) => !isLate(file, progress))
          const replay = late.length === 0 ? null : lateReplay(landing.list(), progress, late)
          const again = replay === null ? [] : replay.kind === 'replay' ? replay.files : expect.fail('nothing is gone')
          apply([...again, ...onTime])
          const all = [...again, ...onTime].map(takenOf)
          progress = advance(progress, all, { ...keys, lookBackMs: lookBackMinutes * 60_000, stillPending: [] })
        }
        for (const event of history) event.kind === 'arrive' ? landing.arrive(event) : runOnce()
        runOnce()
        expect(table).toEqual(landing.list().map((file) => file.key))
        expect(progress.changeFilesTaken).toBe(landing.list().length)
      }),
      { numRuns: 300 },
    )
  })

  test('a skipped file is remembered for good, however old it is', () => {
    const options = { lookBackMs: 60_000, stillPending: [], primaryKey: null, partitionKey: [] }
    const entry = (key: string) => ({ key, etag: 'e', sizeBytes: 1, sha256: null })
    const skipped = { ...entry('20240101-000000000.parquet'), passedOver: 'skipped' as const }
    const then = advance(noProgress, [skipped, entry('20240101-000000001.parquet')], options)
    const now = advance(then, [entry('20240301-000000000.parquet')], options)
    expect(now.window.map(({ key }) => key)).toEqual([skipped.key, '20240301-000000000.parquet'])
  })

  function expectSound(before: Progress, now: Progress): void {
    if (before.windowFrom !== null) expect(now.windowFrom !== null && now.windowFrom >= before.windowFrom).toBe(true)
    if (before.cursor !== null) expect(landingOrder(before.cursor, now.cursor as string)).toBeLessThanOrEqual(0)
    for (const { key, passedOver } of now.window)
      expect(now.windowFrom === null || passedOver === 'skipped' || baseName(key) > now.windowFrom).toBe(true)
    expect(now.window.map((entry) => entry.key)).toEqual(
      [...new Set(now.window.map((entry) => entry.key))].sort(landingOrder),
    )
  }

  /** A landing in which no file is named earlier than the look-back before the newest that is there. */
  function simulatedLanding(lateMinutesMax: number) {
    const files = new Map<string, LandingFile>()
    let newestMinute = 0
    return {
      arrive: (event: { minutes: number; folder: string }) => {
        const minute = newestMinute + Math.max(event.minutes, -lateMinutesMax)
        newestMinute = Math.max(newestMinute, minute)
        const file = changeAt(minute, { folder: event.folder })
        files.set(file.key, file)
      },
      list: () => [...files.values()].sort((a, b) => landingOrder(a.key, b.key)),
    }
  }
})
