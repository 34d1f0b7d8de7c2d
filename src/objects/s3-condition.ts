import type { PutCondition, PutOutcome } from './object-store.ts'
import { isMissingObject, isPreconditionFailed } from './s3-error.ts'
import type { Effect } from './s3-request.ts'

export function conditionHeaders(condition: PutCondition): { IfNoneMatch?: string; IfMatch?: string } {
  switch (condition.kind) {
    case 'any':
      return {}
    case 'absent':
      return { IfNoneMatch: '*' }
    case 'match':
      return { IfMatch: `"${condition.etag}"` }
  }
}

export function conditionEffect(condition: PutCondition): Effect {
  return condition.kind === 'any' ? 'repeatable' : 'once'
}

/** 412, and the 404 by which S3 says that there is nothing for `If-Match` to match. */
export function conditionRefused(thrown: unknown, condition: PutCondition): PutOutcome | undefined {
  const failed = isPreconditionFailed(thrown) || (condition.kind === 'match' && isMissingObject(thrown))
  return failed ? { kind: 'precondition-failed' } : undefined
}
