import { DmscdcError } from '../errors.ts'

const defaultHint =
  'look at the table with `dmscdc verify`, and bring the named object back from a backup or an older object version'

/** An error of kind `corrupt-lake`: the log or a file that it lists is not as we wrote it. */
export function corruptLake(message: string, options: { hint?: string; cause?: unknown } = {}): DmscdcError {
  return new DmscdcError('corrupt-lake', message, { hint: options.hint ?? defaultHint, cause: options.cause })
}
