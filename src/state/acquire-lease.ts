import type { TableId } from '../domain.ts'
import { asDmscdcError } from '../errors.ts'
import type { Ports } from '../ports.ts'
import { drive } from '../steps.ts'
import { acquiring, type LeaseAnswer, type LeaseCall, type LeaseRequest, type LeaseResult } from './lease.ts'
import type { StateRow } from './state-store.ts'

export type LeasePorts = Pick<Ports, 'state' | 'holder'> & { readonly clock: Pick<Ports['clock'], 'nowMs' | 'sleep'> }

export const leaseDurationMs = 60_000
export const leasePollMs = 5_000

type Asked = { readonly id: TableId; readonly runId: string; readonly txnId: string | null }
type Times = { readonly durationMs: number; readonly pollMs: number }

/** Drives `acquiring` for this process. What the state store throws comes back as `failed`. */
export async function acquireLease(ports: LeasePorts, asked: Asked, times?: Times): Promise<LeaseResult> {
  return (await acquireLeaseOnRow(ports, asked, times)).result
}

/** The same, with the row as it was last read on the way: newer than any read before, for another run may have ended meanwhile. */
export async function acquireLeaseOnRow(
  ports: LeasePorts,
  asked: Asked,
  times: Times = { durationMs: leaseDurationMs, pollMs: leasePollMs },
): Promise<{ readonly result: LeaseResult; readonly row: StateRow | null }> {
  const request: LeaseRequest = { ...asked, ...times, ...ports.holder.self }
  let row: StateRow | null = null
  const result = await drive(acquiring(request), async (call) => {
    const answer = await perform(ports, asked.id, call)
    if (answer.kind === 'row') row = answer.row
    return answer
  })
  return { result, row }
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
