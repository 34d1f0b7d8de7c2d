import { DmscdcError } from '../errors.ts'

/** Whether a thrown thing is an error of the operating system with one of these codes (`ENOENT`, …). */
export function hasCode(thrown: unknown, ...codes: readonly string[]): boolean {
  return codes.includes(codeOf(thrown))
}

/** The answer to "it is not there": also where a parent is a file, or the name is too long to exist. */
export function isMissing(thrown: unknown): boolean {
  return hasCode(thrown, 'ENOENT', 'ENOTDIR', 'ENAMETOOLONG')
}

/**
 * What the file system refused, as `unavailable`. `subject` says what was tried on which key: `put "sales/orders/x"`.
 * Errors of ours pass unchanged.
 */
export function fileError(
  thrown: unknown,
  subject: string,
  options: { place: string; maybeApplied: boolean },
): DmscdcError {
  if (thrown instanceof DmscdcError) return thrown
  const reason = thrown instanceof Error ? thrown.message.replace(/,? [a-z]+ '.*$/su, '') : String(thrown)
  return new DmscdcError('unavailable', `${subject}: ${reason}`, {
    hint: hintFor(codeOf(thrown), options.place),
    cause: thrown,
    maybeApplied: options.maybeApplied,
  })
}

function hintFor(code: string, place: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `give the user who runs dmscdc the right to read and write ${place}, on a file system with hard links`
    case 'ENOSPC':
    case 'EDQUOT':
      return `free space on the disk of ${place}, then run again`
    case 'EMFILE':
    case 'ENFILE':
      return 'raise the limit of open files (ulimit -n), then run again'
    case 'ENOTDIR':
    case 'EISDIR':
    case 'EEXIST':
    case 'ENAMETOOLONG':
      return `move what stands in the way below ${place}: there a name is either a file or a folder, of at most 255 bytes`
    default:
      return `check the disk of ${place}, then run again`
  }
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
}
