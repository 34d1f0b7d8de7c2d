import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { s3Client } from '../src/objects/s3-client.ts'
import { s3Objects } from '../src/objects/s3-objects.ts'
import { dynamodbState } from '../src/state/dynamodb-state.ts'
import { newScratch } from './support/lake-fixtures.ts'

const given = { accessKeyId: 'test', secretAccessKey: 'testtest' }
const region = 'us-east-1'
const orders = { schema: 'sales', table: 'orders' }

afterEach(() => vi.unstubAllEnvs())

describe('the S3 client', () => {
  it("asks an endpoint of the user's own with the bucket in the path: few of them have a name for each bucket", async () => {
    const { asked, port } = await listen()
    vi.stubEnv('AWS_ENDPOINT_URL', `http://localhost:${port}`)
    await storeOf(s3Client({ region, credentials: given })).list({ prefix: 'a/' })
    expect(asked).toEqual([{ host: `localhost:${port}`, path: '/landing', token: null }])
  })

  it('reads on where S3 answers with a page that is empty but not the last one', async () => {
    const pages = [
      '<IsTruncated>true</IsTruncated><NextContinuationToken>t/1</NextContinuationToken>',
      '<IsTruncated>false</IsTruncated><Contents><Key>a/x</Key><Size>3</Size></Contents>',
    ].map((page) => `<ListBucketResult>${page}</ListBucketResult>`)
    const { asked, port } = await listen({ bodies: pages })
    const store = storeOf(s3Client({ region, endpoint: `http://127.0.0.1:${port}`, credentials: given }))
    const { objects, next } = await store.list({ prefix: 'a/' })
    expect([objects.map(({ key }) => key), next]).toEqual([['a/x'], null])
    expect(asked.map(({ token }) => token)).toEqual([null, 't/1'])
  })

  it('asks AWS by a name for each bucket', async () => {
    const client = s3Client({ region, credentials: given })
    const hosts: string[] = []
    client.middlewareStack.add(
      () => (args) => {
        hosts.push((args.request as { hostname: string }).hostname)
        throw Object.assign(new Error('not sent'), { $metadata: { httpStatusCode: 501 } })
      },
      { step: 'finalizeRequest', priority: 'low' },
    )
    await expect(storeOf(client).list({ prefix: 'a/' })).rejects.toThrow()
    expect(hosts).toEqual(['landing.s3.us-east-1.amazonaws.com'])
  })

  it('asks for credentials three times, for they may be late, and then says what is missing within seconds', async () => {
    const { asked, port } = await listen()
    const late = credentialsAfter(2)
    await storeOf(s3Client({ region, endpoint: `http://127.0.0.1:${port}`, credentials: late.provider })).list({
      prefix: '',
    })
    expect([asked.length, late.tries()]).toEqual([1, 3])
    const never = credentialsAfter(Number.POSITIVE_INFINITY)
    const refused = storeOf(s3Client({ region, credentials: never.provider })).list({ prefix: '' })
    await expect(refused).rejects.toMatchObject({
      kind: 'invalid-config',
      hint: expect.stringContaining('AWS_PROFILE'),
    })
    expect(never.tries()).toBe(3)
  })
})

describe('the DynamoDB client', () => {
  it('asks for credentials three times, for they may be late, and then says what is missing within seconds', async () => {
    const { asked, port } = await listen()
    const late = credentialsAfter(2)
    const endpoint = `http://127.0.0.1:${port}`
    expect(await stateOf({ endpoint, credentials: late.provider }).get(orders)).toBeNull()
    expect([asked.length, late.tries()]).toEqual([1, 3])
    const never = credentialsAfter(Number.POSITIVE_INFINITY)
    const refused = stateOf({ endpoint, credentials: never.provider }).get(orders)
    await expect(refused).rejects.toMatchObject({
      kind: 'invalid-config',
      hint: expect.stringContaining('AWS_PROFILE'),
    })
    expect(never.tries()).toBe(3)
  })

  it('says at once that an endpoint is no URL', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', 'nonsense')
    const refused = stateOf({ credentials: given }).get(orders)
    await expect(refused).rejects.toMatchObject({
      kind: 'invalid-config',
      hint: expect.stringContaining('AWS_ENDPOINT_URL'),
    })
  })

  it.each(['UnrecognizedClientException', 'InvalidSignatureException', 'ExpiredTokenException'])(
    'says of "%s" that the credentials are wrong, not the rights',
    async (name) => {
      const { port } = await listen({ status: 400, bodies: [`{"__type":"com.amazon.coral.service#${name}"}`] })
      const refused = stateOf({ endpoint: `http://127.0.0.1:${port}`, credentials: given }).get(orders)
      await expect(refused).rejects.toMatchObject({
        kind: 'invalid-config',
        hint: expect.stringContaining('correct or renew the AWS credentials'),
      })
    },
  )
})

const storeOf = (client: ReturnType<typeof s3Client>) =>
  s3Objects(client, { bucket: 'landing', prefix: '', scratchDir: newScratch() })

const stateOf = (client: object) =>
  dynamodbState({ tableName: 'Rows', landingPlace: 'landing/', client: { region, ...client } })

/** Fails as the SDK's own providers do, so many times. */
function credentialsAfter(failures: number) {
  let tries = 0
  const provider = async () => {
    if (tries++ < failures) throw Object.assign(new Error('none'), { name: 'CredentialsProviderError' })
    return given
  }
  return { provider, tries: () => tries }
}

/** A server that answers everything alike: to S3 an empty listing, to DynamoDB an item that is not there. */
async function listen({ status = 200, bodies = [] as readonly string[] } = {}) {
  const asked: { host: string; path: string; token: string | null }[] = []
  const server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://any')
    const body = bodies[asked.length]
    const token = searchParams.get('continuation-token')
    asked.push({ host: request.headers.host ?? '', path: pathname.replace(/(?<=.)\/$/u, ''), token })
    const isState = request.headers['x-amz-target'] !== undefined
    response.writeHead(status, { 'content-type': isState ? 'application/x-amz-json-1.0' : 'application/xml' })
    response.end(body ?? (isState ? '{}' : '<ListBucketResult></ListBucketResult>'))
  })
  server.listen(0, 'localhost')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked, port: (server.address() as AddressInfo).port }
}
