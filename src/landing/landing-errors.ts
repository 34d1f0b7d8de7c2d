import type { LandingFile } from '../domain.ts'
import { DmscdcError } from '../errors.ts'

/** A landing file whose bytes are not what its name promises. */
export function damagedLanding(file: LandingFile, why: string, cause?: unknown): DmscdcError {
  return new DmscdcError('bad-landing', `read landing file ${file.key}: ${why}`, {
    hint: `land the file again whole, or pass over it: dmscdc skip <table> ${file.name} --why <text>`,
    cause,
  })
}
