import type { LandingFile } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import type { ObjectStore } from '../objects/object-store.ts'

/** A landing file whose bytes are not what its name promises. */
export function damagedLanding(file: LandingFile, why: string, cause?: unknown): DmscdcError {
  return new DmscdcError('bad-landing', `read landing file ${file.key}: ${why}`, {
    hint: `land the file again whole, or pass over it: dmscdc skip <table> ${file.name} --why <text>`,
    cause,
  })
}

/**
 * What became of a file since it was listed; null: it is what it was. A landing on disk is read in place, and DMS writes LOAD files again
 * under their names and deletes files: what is found in such a file says nothing about the landing.
 */
export async function movedSince(landing: ObjectStore, file: LandingFile): Promise<DmscdcError | null> {
  const now = await landing.head(file.path)
  if (now === null) return vanishedLanding(file)
  return now.etag === file.etag ? null : rewrittenLanding(file)
}

/** What was found wrong with a file, as long as it is the one that was listed. */
export async function unlessMoved(landing: ObjectStore, file: LandingFile, found: DmscdcError): Promise<DmscdcError> {
  return found.kind === 'bad-landing' ? ((await movedSince(landing, file)) ?? found) : found
}

export function vanishedLanding(file: LandingFile): DmscdcError {
  return notAsListed(file, 'it was listed and is gone now')
}

export function rewrittenLanding(file: LandingFile): DmscdcError {
  return notAsListed(file, 'it was written again since it was listed')
}

function notAsListed(file: LandingFile, what: string): DmscdcError {
  return new DmscdcError('unavailable', `read landing file ${file.key}: ${what}`, {
    hint: 'run again: the landing is listed anew',
  })
}

/**
 * For a statement that read nothing but this file: where the engine could not explain its failure, the file is damaged. Any other
 * error (no memory, no time, a broken engine) says nothing about the file, and passes.
 */
export function asDamage(file: LandingFile, why: string): (cause: unknown) => never {
  return (cause) => {
    throw isAboutFile(cause) ? damagedLanding(file, why, cause) : cause
  }
}

export const isAboutFile = (cause: unknown) => cause instanceof DmscdcError && cause.kind === 'bug'
