import type { LandingFile } from '../domain.ts'
import { DmscdcError } from '../errors.ts'

/** A landing file whose bytes are not what its name promises. */
export function damagedLanding(file: LandingFile, why: string, cause?: unknown): DmscdcError {
  return new DmscdcError('bad-landing', `read landing file ${file.key}: ${why}`, {
    hint: `land the file again whole, or pass over it: dmscdc skip <table> ${file.name} --why <text>`,
    cause,
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
