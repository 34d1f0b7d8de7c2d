import { NagSuppressions } from 'cdk-nag'
import type { IConstruct } from 'constructs'

export type Finding = {
  /** The rule of cdk-nag, as in `AwsSolutions-IAM5`. */
  readonly rule: string
  readonly reason: string
  /** Of a rule that finds several things in one resource: the one that is meant, exactly. */
  readonly appliesTo?: readonly (string | { readonly regex: string })[]
}

/** Acknowledges findings of one construct and what it is made of, one by one; a finding that is not named here fails the synthesis. */
export function acknowledge(construct: IConstruct, ...findings: readonly Finding[]): void {
  NagSuppressions.addResourceSuppressions(
    construct,
    findings.map(({ rule, reason, appliesTo }) => ({
      id: rule,
      reason,
      ...(appliesTo === undefined ? {} : { appliesTo: [...appliesTo] }),
    })),
    true,
  )
}
