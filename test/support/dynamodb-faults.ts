import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { onLoopback } from './loopback.ts'
import { type PlannedFaults, plannedFaults } from './planned-faults.ts'

/** What happens to a call instead of its due course. After those of the second line the server has done it nonetheless. */
export type Fault =
  | ('throttled' | 'refused' | 'server-error' | 'request-lost')
  | ('answer-lost' | 'answer-cut' | 'error-after')
  | ('hang' | 'none')

export type FaultProxy = {
  readonly endpoint: string
  /** What was asked for, in order, tries that failed too. */
  readonly calls: { readonly operation: string; readonly input: Record<string, unknown> }[]
  /** An operation is `UpdateItem`. */
  readonly fail: PlannedFaults<Fault>['fail']
  /** Forgets the calls, and the failures that were still to come. */
  reset(): void
  stop(): Promise<void>
}

/** Stands before a server that speaks DynamoDB, and passes everything through but the calls that were told to fail. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const calls: FaultProxy['calls'] = []
  const faults = plannedFaults<Fault>()
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    const body = await text(request)
    calls.push({ operation, input: JSON.parse(body) })
    const fault = faults.next(operation) ?? 'none'
    await pass(target, forwarded(request), body, response, fault)
  }
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  return {
    ...(await onLoopback(server)),
    calls,
    fail: faults.fail,
    reset() {
      calls.length = 0
      faults.clear()
    },
  }
}

async function pass(
  target: string,
  headers: Record<string, string>,
  body: string,
  response: ServerResponse,
  fault: Fault,
) {
  switch (fault) {
    case 'throttled':
      return refuse(response, 400, 'ProvisionedThroughputExceededException')
    case 'refused':
      return refuse(response, 400, 'AccessDeniedException')
    case 'server-error':
      return refuse(response, 500, 'InternalServerError')
    case 'request-lost':
      return response.destroy()
    case 'hang':
      return
  }
  const answer = await fetch(target, { method: 'POST', headers, body })
  const answered = Buffer.from(await answer.arrayBuffer())
  const type = answer.headers.get('content-type') ?? 'application/x-amz-json-1.0'
  switch (fault) {
    case 'answer-lost':
      return response.destroy()
    case 'error-after':
      return refuse(response, 500, 'InternalServerError')
    case 'answer-cut':
      response.writeHead(answer.status, { 'content-type': type, 'content-length': answered.length + 10 })
      return response.write(answered, () => response.destroy())
    default:
      response.writeHead(answer.status, { 'content-type': type, 'content-length': answered.length })
      return response.end(answered)
  }
}

function refuse(response: ServerResponse, status: number, name: string): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' })
  response.end(JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: `${name} by the test` }))
}

/** What belongs to one connection is not handed on. */
function forwarded(request: IncomingMessage): Record<string, string> {
  const own = ['host', 'connection', 'content-length', 'expect', 'transfer-encoding']
  const entries = Object.entries(request.headers).filter(([name]) => !own.includes(name))
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]))
}
