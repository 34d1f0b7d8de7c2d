import { createServer } from 'node:http'
import { onLoopback } from './loopback.ts'

/** What an operation is answered with: a body, an error by name, or no answer at all. */
export type Answer =
  | { readonly body: unknown }
  | { readonly error: string; readonly message?: string; readonly status?: number; readonly fields?: object }
  | { readonly lost: true }

export type AwsJsonStub = {
  readonly client: {
    readonly endpoint: string
    readonly region: string
    readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string }
  }
  /** Every request that came in, in order. */
  readonly seen: readonly { readonly operation: string; readonly input: Input }[]
  count(operation: string): number
  stop(): Promise<void>
}

// biome-ignore lint/suspicious/noExplicitAny: the inputs of all operations there are
export type Input = Record<string, any>

/** A service that speaks AWS JSON 1.1, as ECS and Glue do, answered by functions of the input. */
export async function startAwsJsonStub(
  operations: Readonly<Record<string, (input: Input) => Answer | Promise<Answer>>>,
): Promise<AwsJsonStub> {
  const seen: { operation: string; input: Input }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? ''
    const input = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Input
    seen.push({ operation, input })
    const answer = await (operations[operation]?.(input) ?? { error: 'UnknownOperationException' })
    if ('lost' in answer) return void request.socket.destroy()
    const failed = 'error' in answer
    response.writeHead(failed ? (answer.status ?? 400) : 200, { 'content-type': 'application/x-amz-json-1.1' })
    const problem = failed && { __type: answer.error, message: answer.message ?? answer.error, ...answer.fields }
    response.end(JSON.stringify(failed ? problem : answer.body))
  })
  const { endpoint, stop } = await onLoopback(server)
  return {
    client: { endpoint, region: 'eu-west-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } },
    seen,
    count: (wanted) => seen.filter(({ operation }) => operation === wanted).length,
    stop,
  }
}
