/** The properties that hold in every state, DESIGN §5 in the words of `docs/merge.md`. */
export const invariants = [
  'a version is won once',
  'data and progress change together',
  'what is listed is there',
  'nobody deletes what is listed',
  'names are used once',
  'no data file before its commit',
  'nothing is deleted that a commit on its way names',
  'the row says no more than is so',
  'a view names only what is in place',
  'no run ends in a defect',
  'the last clean run leaves all in order',
  'an edited cursor is obeyed once',
] as const

export type Invariant = (typeof invariants)[number]

/** Thrown where a state breaks an invariant; the explorer adds the way that led there. */
export class Violation extends Error {
  readonly invariant: Invariant
  constructor(invariant: Invariant, found: string) {
    super(`${invariant}: ${found}`)
    this.name = 'Violation'
    this.invariant = invariant
  }
}
