import type { Invariant } from './violation.ts'

/** A defect: one text of one file of `src`, which stands there once, replaced by another. */
export type Mutant = {
  readonly defect: string
  readonly file: string
  readonly from: string
  readonly to: string
  /** Where it is looked for: part of a scenario's name. */
  readonly scenario: string
  /** What it breaks; any of these. */
  readonly breaks: readonly Invariant[]
}

export const mutants: readonly Mutant[] = [
  {
    defect: 'the commit overwrites a version that is there',
    file: 'lake/perform.ts',
    from: "store.put(key, body, { kind: 'absent' })",
    to: "store.put(key, body, { kind: 'any' })",
    scenario: 'two runs, one with a clock that stands still',
    breaks: ['a version is won once'],
  },
  {
    defect: "another attempt's entry is taken for the own",
    file: 'lake/commit.ts',
    from: "answer.txnId === state.txnId ? 'won' : 'lost'",
    to: "'won'",
    scenario: 'two runs, one with a clock that stands still',
    breaks: ['a version is won once'],
  },
  {
    defect: 'a version that is there is taken for lost, unread',
    file: 'lake/commit.ts',
    from: "    case 'exists':\n      return readBack({ ...state, inDoubt: true })",
    to: "    case 'exists':\n      return done({ kind: 'lost', version: state.version })",
    scenario: 'one run, an answer lost and a call refused',
    breaks: ['nobody deletes what is listed'],
  },
  {
    defect: 'a commit whose answer was lost is taken for lost',
    file: 'lake/commit.ts',
    from: "    case 'unknown':\n      return readBack({ ...state, inDoubt: true, cause: answer.cause })",
    to: "    case 'unknown':\n      return done({ kind: 'lost', version: state.version })",
    scenario: 'one run, two versions, an answer lost',
    breaks: ['nothing is deleted that a commit on its way names', 'nobody deletes what is listed'],
  },
  {
    defect: 'what the sweep has listed is deleted before a commit is won',
    file: 'lake/sweep.ts',
    from: "call({ ...state, orphans }, { kind: 'commit' })",
    to: "call({ ...state, orphans }, { kind: 'delete', keys: orphans })",
    scenario: 'two runs',
    breaks: ['nothing is deleted that a commit on its way names', 'nobody deletes what is listed'],
  },
  {
    defect: 'staged files go before they are placed',
    file: 'lake/finish.ts',
    from: '  if (first !== undefined) return call({ ...state, pending: first, agenda }, first)\n',
    to: "  if (first?.kind === 'place' && first.files.length > 0 && staged.length === 0) {\n    const keys = first.files.map(({ from }) => from)\n    return call({ ...state, staged: keys, pending: first }, { kind: 'delete', keys })\n  }\n  if (first !== undefined) return call({ ...state, pending: first, agenda }, first)\n",
    scenario: 'one run, two versions, an answer lost',
    breaks: ['nobody deletes what is listed'],
  },
  {
    defect: 'what was superseded stays',
    file: 'lake/finish-agenda.ts',
    from: 'deletedVersion > (mirroredVersion ?? -1)',
    to: 'deletedVersion > (mirroredVersion ?? -1) + 1',
    scenario: 'two runs',
    breaks: ['the last clean run leaves all in order'],
  },
  {
    defect: 'of a head that was made by a dead run nothing is placed',
    file: 'lake/finish-agenda.ts',
    from: 'addedVersion > (mirroredVersion ?? -1)',
    to: 'addedVersion > (mirroredVersion ?? head.version)',
    scenario: 'one run, two versions, an answer lost',
    breaks: ['the row says no more than is so', 'the last clean run leaves all in order'],
  },
  {
    defect: 'a run that lost its table leaves behind what it placed',
    file: 'process-table/hold-table.ts',
    from: '  await settleForTheOther(table)\n',
    to: '',
    scenario: 'two runs on a new table, two versions',
    breaks: ['the last clean run leaves all in order'],
  },
  {
    defect: 'the table is given free though staged files lie about',
    file: 'process-table/hold-table.ts',
    from: 'settled && !unswept && !littered',
    to: 'settled || unswept || littered',
    scenario: 'one run',
    breaks: ['the last clean run leaves all in order'],
  },
  {
    defect: 'a lost attempt leaves its staged files',
    file: 'process-table/commit-work.ts',
    from: '      await discardLost(table, commit)\n',
    to: '',
    scenario: 'two runs',
    breaks: ['the last clean run leaves all in order'],
  },
  {
    defect: 'the mirror writes over a cursor that was edited meanwhile',
    file: 'state/lease-row.ts',
    from: '        LastIncrementalFile: read.LastIncrementalFile,\n',
    to: '',
    scenario: 'one run, an edited cursor',
    breaks: ['an edited cursor is obeyed once'],
  },
  {
    defect: 'an edit that was obeyed is obeyed again',
    file: 'process-table/edited-cursors.ts',
    from: 'edit === null || obeyed?.version !== edit.version',
    to: 'edit === null || obeyed?.version !== edit.version || obeyed.version >= 0',
    scenario: 'one run, an edited cursor',
    breaks: ['an edited cursor is obeyed once', 'the last clean run leaves all in order'],
  },
  {
    defect: 'an edit is obeyed beside a Version that was mirrored since',
    file: 'process-table/hold-table.ts',
    from: 'catchUp(table, acquired.row)',
    to: 'Promise.resolve()',
    scenario: 'two runs on one host, an edited cursor, one may die',
    breaks: ['an edited cursor is obeyed once'],
  },
  {
    defect: "a run writes into the row of another's",
    file: 'state/write-as-holder.ts',
    from: ' || found.runId !== lease.runId',
    to: '',
    scenario: 'two runs',
    breaks: ['the row says no more than is so', 'the last clean run leaves all in order'],
  },
  {
    defect: 'a manifest is put before its files are placed',
    file: 'lake/finish-agenda.ts',
    from: "    ...groups(input, viewed ? [] : supersededPaths(input, { dropped: isViewed(published) })),\n    ...(publish.includes('delta') ? deltaCalls(input) : []),\n    ...(publish.includes('manifest') ? manifestCalls(input) : []),\n",
    to: "    ...(publish.includes('manifest') ? manifestCalls(input) : []),\n    ...groups(input, viewed ? [] : supersededPaths(input, { dropped: isViewed(published) })),\n",
    scenario: 'two runs, a published manifest',
    breaks: ['a view names only what is in place'],
  },
  {
    defect: 'a run that slept puts back an old manifest',
    file: 'lake/manifest.ts',
    from: "    if (await isOvertaken(request)) return 'overtaken'\n",
    to: '',
    scenario: 'two runs, a published manifest',
    breaks: ['a view names only what is in place'],
  },
  {
    defect: 'files are staged in the folder that readers see',
    file: 'lake/keys.ts',
    from: 'stagedKey = (place: TablePlace, txnId: string, path: string) =>',
    to: 'stagedKey = (place: TablePlace, txnId: string, path: string) => txnId ? dataKey(place, path) :',
    scenario: 'one run, two versions, an answer lost',
    breaks: ['no data file before its commit'],
  },
  {
    defect: 'a commit leaves the progress as it was',
    file: 'lake/commit-body.ts',
    from: 'progressLine(commit.txnId, commit.progress)',
    to: 'progressLine(commit.txnId, base?.progress ?? commit.progress)',
    scenario: 'one run, two versions, an answer lost',
    breaks: ['data and progress change together'],
  },
  {
    defect: 'staged files go before the commit',
    file: 'process-table/commit-work.ts',
    from: '  const result = await commitEntry(',
    to: '  await discardStaged(ports.lake, place, commit)\n  const result = await commitEntry(',
    scenario: 'one run, two versions, an answer lost',
    breaks: ['what is listed is there'],
  },
  {
    defect: 'a data file gets a name that another had',
    file: 'process-table/commit-work.ts',
    from: 'newId: ports.newId,',
    to: "newId: () => 'same',",
    scenario: 'one run, an edited cursor',
    breaks: ['names are used once', 'no run ends in a defect'],
  },
]
