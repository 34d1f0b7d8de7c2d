import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { onLoopback } from './loopback.ts'

type Input = Readonly<Record<string, unknown>>
/** `lost`: the connection is closed without a word. */
export type StubAnswer = { readonly status?: number; readonly type?: string; readonly body?: object } | 'lost'

export type GlueStub = {
  readonly endpoint: string
  readonly calls: { readonly operation: string; readonly input: Input }[]
  /** The next answers of an operation, one after the other; `{}` with 200 when there is none left. */
  answer(operation: string, ...answers: readonly (StubAnswer | ((input: Input) => StubAnswer))[]): void
  stop(): Promise<void>
}

/** A server that speaks Glue's protocol and says what it was told to: for answers that moto never gives. */
export async function startGlueStub(): Promise<GlueStub> {
  const calls: GlueStub['calls'] = []
  const planned = new Map<string, (StubAnswer | ((input: Input) => StubAnswer))[]>()
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? ''
    const input = (await json(request)) as Input
    calls.push({ operation, input })
    const next = planned.get(operation)?.shift() ?? {}
    const answer = typeof next === 'function' ? next(input) : next
    if (answer === 'lost') return void response.destroy()
    const { status = 200, type, body = {} } = answer
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(type === undefined ? body : { __type: type, message: `${type} it is`, ...body }))
  }
  const server = createServer((request, response) => {
    respond(request, response).catch(() => response.destroy())
  })
  return {
    ...(await onLoopback(server)),
    calls,
    answer: (operation, ...answers) => void planned.set(operation, [...answers]),
  }
}
