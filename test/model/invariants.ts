import type { LandingFile, Snapshot } from '../../src/domain.ts'
import {
  dataKey,
  entryKey,
  logPrefix,
  manifestKey,
  parseLogKey,
  retainedKey,
  stagedKey,
  stagingPrefix,
  tablePlace,
  uriOf,
} from '../../src/lake/keys.ts'
import { entryTxnId } from '../../src/lake/parse-actions.ts'
import { committedSnapshot } from '../../src/lake/snapshot.ts'
import { pendingChanges } from '../../src/landing/pending.ts'
import type { Outcome } from './instance.ts'
import { contentOf } from './pretended-work.ts'
import { changeName, id, type Scenario } from './scenario.ts'
import { Violation } from './violation.ts'
import type { Call, World } from './world.ts'

const place = tablePlace(id)
const log = logPrefix(place)
const manifest = manifestKey(place, '')

/** Every version of the log as the code itself reads it. */
export function versionsOf(world: World): readonly Snapshot[] {
  const known = versionsKnown.get(world.objects)
  if (known !== undefined) return known
  const versions: Snapshot[] = []
  for (let body = entryOf(world, 0); body !== undefined; body = entryOf(world, versions.length)) {
    const base = versions.at(-1) ?? null
    const children = replayed.get(base) ?? new Map<string, Snapshot>()
    const snapshot = children.get(body) ?? committedSnapshot(base, Buffer.from(body))
    replayed.set(base, children.set(body, snapshot))
    versions.push(snapshot)
  }
  versionsKnown.set(world.objects, versions)
  return versions
}

const versionsKnown = new WeakMap<World['objects'], readonly Snapshot[]>()
const replayed = new Map<Snapshot | null, Map<string, Snapshot>>()
const entryOf = (world: World, version: number) => world.objects.get(entryKey(log, version))

/** What one call did to the world. `onTheirWay`: the writes that were sent and may still have their effect. */
export function checkEffect(
  scenario: Scenario,
  { before, after, call }: { readonly before: World; readonly after: World; readonly call: Call },
  onTheirWay: readonly Call[],
): void {
  if (before === after) return
  if (call.verb === 'put') checkObject(scenario, before, after, call.key)
  if (call.verb === 'copy') checkObject(scenario, before, after, call.to)
  if (call.verb === 'delete') for (const key of call.keys) checkDeletion(before, after, key, onTheirWay)
  if (call.verb === 'write-row') checkRow(before, after)
}

function checkObject(scenario: Scenario, before: World, after: World, key: string): void {
  const [old, now] = [before.objects.get(key), after.objects.get(key)]
  if (key === manifest) checkManifest(before, after)
  else if (parseLogKey(log, key) === null) checkFile(after, key, { old, now })
  else if (old === undefined) checkCommit(scenario, after)
  else if (old !== now) throw new Violation('a version is won once', `${key} was written twice`)
}

type Content = { readonly old: string | undefined; readonly now: string | undefined }

function checkFile(after: World, key: string, { old, now }: Content): void {
  if (old !== undefined && old !== now) throw new Violation('names are used once', `${key} has other content now`)
  if (key.startsWith(place.dataPrefix) && !versionsOf(after).some(({ files }) => files.some(isAt(key))))
    throw new Violation('no data file before its commit', `${key} is in the folder, and no version lists it`)
}

const isAt =
  (key: string) =>
  ({ path }: { readonly path: string }) =>
    dataKey(place, path) === key

function checkCommit(scenario: Scenario, world: World): void {
  const versions = versionsOf(world)
  const head = versions.at(-1) as Snapshot
  for (const file of head.files) {
    if (isInPlace(world, file.path) || world.objects.has(stagedKey(place, file.txnId, file.path))) continue
    throw new Violation('what is listed is there', `version ${head.version} lists ${file.path}, which is nowhere`)
  }
  const names = versions.flatMap(({ version, files }) => files.filter((file) => file.addedVersion === version))
  if (new Set(names.map(({ path }) => path)).size !== names.length)
    throw new Violation('names are used once', `version ${head.version} adds a name that was used before`)
  const [content, taken] = [contentOf(head.files), takenIn(scenario, head)]
  const isWhole = scenario.budget.edits > 0 || content.length === taken.length
  const isCounted = scenario.budget.edits > 0 || head.progress.changeFilesTaken === taken.length
  if (isWhole && isCounted && new Set(content).size === content.length && taken.every((one) => content.includes(one)))
    return
  const found = `files ${content.join()} are merged in version ${head.version}, whose progress has taken ${taken.join()}`
  throw new Violation('data and progress change together', found)
}

const isInPlace = (world: World, path: string) => world.objects.has(dataKey(place, path))

function takenIn({ files }: Scenario, { progress }: Snapshot): readonly string[] {
  const numbers = Array.from({ length: files }, (_, at) => at + 1)
  const isPending = (number: number) => {
    const name = changeName(number)
    return pendingChanges([{ key: name, name } as LandingFile], progress).length > 0
  }
  return numbers.filter((number) => !isPending(number)).map(String)
}

function checkDeletion(before: World, after: World, key: string, onTheirWay: readonly Call[]): void {
  if (!before.objects.has(key)) return
  if (key.startsWith(log)) throw new Violation('a version is won once', `${key} was deleted`)
  const versions = versionsOf(after)
  for (const file of versions.at(-1)?.files ?? []) {
    const isLast = key === stagedKey(place, file.txnId, file.path) && !isInPlace(after, file.path)
    if (isLast || isAt(key)(file))
      throw new Violation('nobody deletes what is listed', `${key}, which the head lists, was deleted`)
  }
  const shown = after.objects.get(manifest) ?? ''
  if (shown.includes(uriOf('lake/', key)))
    throw new Violation('nobody deletes what is listed', `${key}, which the published view names, was deleted`)
  for (const call of onTheirWay) {
    if (call.verb !== 'put' || parseLogKey(log, call.key) === null || after.objects.has(call.key)) continue
    const base = parseLogKey(log, call.key)?.version === 0 ? null : (versions.at(-1) ?? null)
    const named = committedSnapshot(base, Buffer.from(call.body)).files
    if (named.some(({ path, txnId }) => key === stagedKey(place, txnId, path) && !isInPlace(after, path)))
      throw new Violation('nothing is deleted that a commit on its way names', `${key} was deleted before ${call.key}`)
  }
}

function checkRow(before: World, after: World): void {
  const version = after.row.Version as number | undefined
  if (version === undefined) return
  const broken = (found: string) => new Violation('the row says no more than is so', found)
  const versions = versionsOf(after)
  const [mirrored, head] = [versions[version], versions.at(-1)]
  if (mirrored === undefined) throw broken(`the row has version ${String(version)}, which the log has not`)
  if (version < Number(before.row.Version ?? -1)) throw broken(`the row went back to version ${String(version)}`)
  if (after.row.MirroredIncrementalFile !== cursorOf(after, mirrored))
    throw broken(`beside version ${String(version)} the row has another version's cursor`)
  for (const { path, addedVersion } of head?.files ?? [])
    if ((addedVersion ?? 0) <= version && !isInPlace(after, path))
      throw broken(
        `the row has version ${String(version)}, and ${path} of version ${String(addedVersion)} is not placed`,
      )
}

const cursorOf = ({ row }: World, { progress }: Snapshot) => `${String(row.path)}${progress.cursor ?? '0.parquet'}`

function checkManifest(before: World, after: World): void {
  const broken = (found: string) => new Violation('a view names only what is in place', found)
  const shown = shownVersion(after)
  if (shown === undefined) throw broken('the manifest names the files of no version')
  const missing = versionsOf(after)[shown]?.files.find(({ path }) => !isInPlace(after, path))
  if (missing !== undefined) throw broken(`the manifest names ${missing.path}, which is not in the folder`)
  if (shown < (shownVersion(before) ?? -1)) throw broken(`the manifest went back to version ${String(shown)}`)
}

/** The newest version whose files the manifest names. */
function shownVersion(world: World): number | undefined {
  const text = world.objects.get(manifest)
  const textOf = ({ files }: Snapshot) => files.map(({ path }) => `${uriOf('lake/', dataKey(place, path))}\n`).join('')
  return versionsOf(world).findLast((snapshot) => textOf(snapshot) === text)?.version
}

/** A run says that it committed these versions, and how it ended. */
export function checkRun(world: World, name: string, committed: readonly number[], outcome: Outcome | null): void {
  for (const version of committed) {
    const body = entryOf(world, version)
    const txnId = body === undefined ? null : entryTxnId(Buffer.from(body))
    if (txnId?.startsWith(name) !== true)
      throw new Violation('a version is won once', `${name} says it won version ${version}, which ${txnId} did`)
  }
  const error = outcome?.error ?? null
  if (error !== null && !/^(?:unavailable|conflict): /u.test(error))
    throw new Violation('no run ends in a defect', `${name} ended with ${error}`)
}

/** Whether an object is in the folder or in staging though the head has no use for it there. */
export function isLeft(world: World, key: string): boolean {
  const files = versionsOf(world).at(-1)?.files ?? []
  return !files.some((file) => isAt(key)(file) || key === stagedKey(place, file.txnId, file.path))
}

/** The world after a clean run that nothing disturbed; `edits` are those that the operator made. */
export function checkEnd(scenario: Scenario, world: World, outcome: Outcome, edits: number): void {
  const broken = (found: string) => new Violation('the last clean run leaves all in order', found)
  if (outcome.error !== null) throw broken(`it ended with ${outcome.error}`)
  const versions = versionsOf(world)
  const head = versions.at(-1)
  if (head === undefined) throw broken('there is no version')
  const { row, objects, strays } = world
  const moves = versions.filter(({ version }) => entryOf(world, version)?.includes('"operation":"REPLAY"')).length
  if (moves !== edits) throw new Violation('an edited cursor is obeyed once', `${edits} edits, obeyed ${moves} times`)
  if (takenIn(scenario, head).length !== scenario.files) throw broken('it left landing files')
  const listed = head.files.map(({ path }) => dataKey(place, path))
  const known =
    scenario.publish === '' ? listed : [...listed, ...head.tombstones.map(({ path }) => dataKey(place, path))]
  for (const key of listed) if (!objects.has(key)) throw broken(`${key} is listed, and not in the folder`)
  for (const key of objects.keys())
    if (strays.has(key)) continue
    else if (key.startsWith(stagingPrefix(place)) || key.startsWith(retainedKey(place, '')))
      throw broken(`${key} lies about`)
    else if (key.startsWith(place.dataPrefix) && key !== manifest && !known.includes(key))
      throw broken(`${key} is in the folder, and not listed`)
  if (scenario.publish !== '' && shownVersion(world) !== head.version) throw broken('the view does not show the head')
  if (row.Lease !== undefined) throw broken('the lease is not free')
  if (row.Version !== head.version) throw broken(`the row has version ${String(row.Version)} of ${head.version}`)
  if (row.LastIncrementalFile !== cursorOf(world, head) || row.MirroredIncrementalFile !== cursorOf(world, head))
    throw broken(`the row's cursor is ${String(row.LastIncrementalFile)}, not the head's`)
}
