import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'

const connectMs = 5_000
const defaultIdleMs = 60_000

export type S3ClientOptions = Pick<S3ClientConfig, 'endpoint' | 'region' | 'credentials' | 'forcePathStyle'> & {
  /** How long an open connection may be silent in both directions. */
  readonly idleMs?: number
}

/** What fails is thrown or tried again; without a logger the SDK writes some of it to stderr besides. */
const silent = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * A client for `s3Objects`: one attempt per call, since the adapter retries by itself and so knows of every write
 * whether it may have been applied. Region, credentials and endpoint come from the SDK's standard variables where they are not
 * given. An endpoint of the user's own is asked with the bucket in the path, as botocore does it.
 */
export function s3Client({ idleMs = defaultIdleMs, ...options }: S3ClientOptions = {}): S3Client {
  const client = new S3Client({
    ...options,
    maxAttempts: 1,
    logger: silent,
    // With the header, each large body would have a connection of its own, and wait where a proxy swallows the go-ahead.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectMs,
      socketTimeout: idleMs,
      // A request that waited for a free connection would be taken for one that cannot connect.
      httpAgent: { maxSockets: Number.POSITIVE_INFINITY },
      httpsAgent: { maxSockets: Number.POSITIVE_INFINITY },
    },
  })
  if (options.forcePathStyle === undefined) usePathsOnOwnEndpoints(client)
  client.middlewareStack.add(
    (next) => (args) => {
      hostsAsked.set(client, hostOf(args.request))
      return next(args)
    },
    { step: 'deserialize', priority: 'low', name: 'rememberHost' },
  )
  return client
}

/**
 * A server of the user's own (MinIO, LocalStack, an interface endpoint) seldom has a name in DNS for each bucket. The SDK would find
 * out only for bare IP addresses. What AWS_ENDPOINT_URL or the profile says is known when the first request is made.
 */
function usePathsOnOwnEndpoints(client: S3Client): void {
  const { config } = client
  const isOwn = async () =>
    config.isCustomEndpoint === true || (await config.serviceConfiguredEndpoint?.()) !== undefined
  Object.assign(config, { forcePathStyle: isOwn })
}

const hostsAsked = new WeakMap<S3Client, string>()

/**
 * The server that the client last asked, as people write it; null before its first request. Only that says for sure what
 * the SDK made of AWS_ENDPOINT_URL, the profile and the region.
 */
export function endpointName(client: S3Client): string | null {
  return hostsAsked.get(client) ?? null
}

function hostOf(request: unknown): string {
  const { protocol, hostname, port } = request as { protocol: string; hostname: string; port?: number }
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`
}
