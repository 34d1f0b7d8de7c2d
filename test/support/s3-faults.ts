import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { buffer } from 'node:stream/consumers'
import { onLoopback } from './loopback.ts'
import { type PlannedFaults, plannedFaults } from './planned-faults.ts'

/** What happens to a request instead of its due course. After those of the second group the server has done it. */
export type Fault =
  | 'request-lost'
  | 'slow-down'
  | 'conflict'
  | 'server-error'
  | 'denied'
  | 'too-large'
  | 'error-in-200'
  | 'keys-failed'
  | 'keys-denied'
  // the server does it
  | 'answer-lost'
  | 'error-after'
  | 'body-cut'
  | 'body-stalls'
  // the server does it later, nobody waits for the answer
  | 'late'

export type Seen = { readonly operation: string; readonly headers: IncomingHttpHeaders }

export type FaultProxy = {
  readonly endpoint: string
  /** The requests, in order, those that failed too. */
  readonly seen: Seen[]
  /** An operation is `PutObject`. */
  readonly fail: PlannedFaults<Fault>['fail']
  /** Asked for each request that `fail` says nothing of; undefined lets it pass. */
  failBy(choose: (operation: string) => Fault | undefined): void
  /** Lets everything pass again. */
  reset(): void
  stop(): Promise<void>
}

const lateMs = 60

/** Stands before a server that speaks S3, and passes everything through, to the byte, but the requests that were told to fail. */
export async function startS3FaultProxy(target: string): Promise<FaultProxy> {
  const seen: Seen[] = []
  const faults = plannedFaults<Fault>()
  let choose: (operation: string) => Fault | undefined = () => undefined
  const server = createServer((request, response) => {
    const operation = operationOf(request)
    seen.push({ operation, headers: request.headers })
    const fault = faults.next(operation) ?? choose(operation)
    handle(target, { request, response, fault }).catch(() => response.destroy())
  })
  return {
    ...(await onLoopback(server)),
    seen,
    fail: faults.fail,
    failBy(next) {
      choose = next
    },
    reset() {
      faults.clear()
      choose = () => undefined
    },
  }
}

/** The API's name of what a request asks for. */
export function operationOf({ method, url = '', headers }: IncomingMessage): string {
  const query = new URL(url, 'http://any').searchParams
  const isCopy = headers['x-amz-copy-source'] !== undefined
  if (query.has('uploadId')) {
    const byMethod: Readonly<Record<string, string>> = {
      PUT: isCopy ? 'UploadPartCopy' : 'UploadPart',
      POST: 'CompleteMultipartUpload',
      DELETE: 'AbortMultipartUpload',
    }
    return byMethod[method ?? ''] ?? 'ListParts'
  }
  if (query.has('uploads')) return method === 'POST' ? 'CreateMultipartUpload' : 'ListMultipartUploads'
  if (query.has('delete')) return 'DeleteObjects'
  if (query.has('list-type')) return 'ListObjectsV2'
  if (method === 'PUT') return isCopy ? 'CopyObject' : 'PutObject'
  return { GET: 'GetObject', HEAD: 'HeadObject', DELETE: 'DeleteObject' }[method ?? ''] ?? 'other'
}

type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly fault: Fault | undefined
}

async function handle(target: string, { request, response, fault }: Exchange): Promise<void> {
  const body = await buffer(request)
  const refusal = fault === undefined ? undefined : refusalOf(fault, body)
  if (refusal !== undefined) return answer(response, ...refusal)
  if (fault === 'request-lost' || fault === 'late') response.destroy()
  if (fault === 'request-lost') return
  if (fault === 'late') await new Promise((resolve) => setTimeout(resolve, lateMs))
  const passed = await passOn(target, request, body)
  switch (fault) {
    case 'late':
      return
    case 'answer-lost':
      response.destroy()
      return
    case 'error-after':
      return answer(response, 500, errorText('InternalError'))
    case 'body-cut':
    case 'body-stalls':
      response.writeHead(passed.status, passed.headers)
      response.write(passed.body.subarray(0, passed.body.length / 2), () => {
        if (fault === 'body-cut') response.destroy()
      })
      return
    default:
      response.writeHead(passed.status, passed.headers)
      response.end(passed.body)
  }
}

function refusalOf(fault: Fault, body: Buffer): [status: number, text: string] | undefined {
  switch (fault) {
    case 'slow-down':
      return [503, errorText('SlowDown')]
    case 'conflict':
      return [409, errorText('ConditionalRequestConflict')]
    case 'server-error':
      return [500, errorText('InternalError')]
    case 'denied':
      return [403, errorText('AccessDenied')]
    case 'too-large':
      return [400, errorText('InvalidRequest')]
    case 'error-in-200':
      return [200, errorText('InternalError')]
    case 'keys-failed':
      return [200, keyErrors(body, 'InternalError')]
    case 'keys-denied':
      return [200, keyErrors(body, 'AccessDenied')]
    default:
      return undefined
  }
}

function errorText(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>by the test</Message></Error>`
}

/** No key was deleted. */
function keyErrors(body: Buffer, code: string): string {
  const keys = [...body.toString().matchAll(/<Key>(.*?)<\/Key>/gsu)].map((match) => match[1])
  const errors = keys.map((key) => `<Error><Key>${key}</Key><Code>${code}</Code><Message>by the test</Message></Error>`)
  return `<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${errors.join('')}</DeleteResult>`
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(text) })
  response.end(text)
}

type Passed = { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }

/** The Host header stays the proxy's: it is signed. */
async function passOn(target: string, request: IncomingMessage, body: Buffer): Promise<Passed> {
  const { 'transfer-encoding': _, connection: __, ...headers } = request.headers
  const passing = httpRequest(new URL(request.url ?? '/', target), {
    method: request.method ?? 'GET',
    path: request.url ?? '/',
    headers: { ...headers, 'content-length': body.length },
  })
  passing.end(body)
  const [response] = (await once(passing, 'response')) as [IncomingMessage]
  const answered = await buffer(response)
  const { 'transfer-encoding': ___, connection: ____, ...given } = response.headers
  const length = request.method === 'HEAD' ? {} : { 'content-length': String(answered.length) }
  return { status: response.statusCode ?? 500, headers: { ...given, ...length }, body: answered }
}
