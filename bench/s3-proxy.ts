import { once } from 'node:events'
import { Agent, createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { operationOf } from '../test/support/s3-faults.ts'

export type CountingProxy = {
  readonly endpoint: string
  /** The requests by operation since the last call. */
  counted(): { readonly [operation: string]: number }
  /** Put upon every request from now on. */
  delay(ms: number): void
  stop(): Promise<void>
}

/**
 * Stands before an S3 server, counts what passes and lets each request wait; bodies stream through. Each request has a connection of
 * its own to the server: VersityGW at times takes the end of a streamed body for the begin of the next request.
 */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: false })
  let counts: Record<string, number> = {}
  let delayMs = 0
  const server = createServer(async (request, response) => {
    const operation = operationOf(request)
    counts[operation] = (counts[operation] ?? 0) + 1
    if (delayMs > 0) await sleep(delayMs)
    const { method, url: path } = request
    const { connection: _, ...headers } = request.headers
    const passed = send({ hostname, port, method, path, headers, agent }, (answer) => {
      const { connection: __, ...answered } = answer.headers
      response.writeHead(answer.statusCode ?? 502, answered)
      pipeline(answer, response).catch(() => response.destroy())
    })
    passed.once('error', () => response.destroy())
    pipeline(request, passed).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    counted() {
      const seen = counts
      counts = {}
      return seen
    },
    delay(ms) {
      delayMs = ms
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      agent.destroy()
    },
  }
}
