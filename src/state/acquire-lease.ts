import type { TableId } from '../domain.ts'
import { asDmscdcError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { drive } from '../steps.ts'
import { acquiring, type LeaseAnswer, type LeaseCall, type LeaseRequest, type LeaseResult } from './lease.ts'

export type LeasePorts = Pick<Ports, 'state' | 'holder'> & { readonly clock: Pick<Ports['clock'], 'nowMs' | 'sleep'> }

export const leaseDurationMs = 60_000
export const leasePollMs = 5_000

/** Drives `acquiring` for this process. What the state store throws comes back as `failed`. */
export function acquireLease(
  ports: LeasePorts,
  asked: { readonly id: TableId; readonly runId: string; readonly txnId: string | null },
  times: { readonly durationMs: number; readonly pollMs: number } = {
    durationMs: leaseDurationMs,
    pollMs: leasePollMs,
  },
): Promise<LeaseResult> {
  const request: LeaseRequest = { ...asked, ...times, ...ports.holder.self }
  return drive(acquiring(request), (call) => perform(ports, asked.id, call))
}

async function perform(ports: LeasePorts, id: TableId, call: LeaseCall): Promise<LeaseAnswer> {
  try {
    switch (call.kind) {
      case 'read': {
        const item = await ports.state.get(id)
        return item?.row ? { kind: 'row', row: item.row, nowMs: ports.clock.nowMs() } : { kind: 'no-row' }
      }
      case 'write':
        return { kind: await ports.state.update(id, call.change, call.condition) }
      case 'probe':
        return { kind: 'probed', holder: await ports.holder.probe(call.lease), nowMs: ports.clock.nowMs() }
      case 'sleep':
        await ports.clock.sleep(call.ms)
        return { kind: 'slept' }
    }
  } catch (thrown) {
    return { kind: 'failed', error: asDmscdcError(thrown) }
  }
}
