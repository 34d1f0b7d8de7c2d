import type { ForeseenCall, Foresight } from './object-store.ts'
import { spanOf } from './ranges.ts'
import type { RequestVerb } from './request-ledger.ts'
import { deletions } from './s3-delete.ts'
import { evenSpans } from './s3-multipart.ts'
import { rangeHeader } from './s3-read.ts'
import type { S3Limits } from './s3-request.ts'
import { partBytesMin, splicedSpans } from './s3-splice.ts'

/** How many requests each call of `s3Objects` takes, by the rules that it goes by itself; a test holds the two together. */
export function s3Foresight(limits: S3Limits): Foresight {
  return { requests: (call) => requestsOf(limits, call), around: (store) => store }
}

function requestsOf(limits: S3Limits, call: ForeseenCall): readonly RequestVerb[] {
  switch (call.kind) {
    case 'list':
      return ['list']
    case 'head':
      return ['get']
    case 'get':
      return getRequests(call)
    case 'put':
      return putRequests(limits, call.sizeBytes)
    case 'copy':
      return copyRequests(limits, call.sizeBytes)
    case 'splice':
      return spliceRequests(limits, call)
    case 'delete': {
      const { chunks, single } = deletions(call.keys)
      return times('delete', chunks.length + single.length)
    }
  }
}

/** A range that HTTP cannot say, and one that turns out to lie behind the end, go by what HEAD says. */
function getRequests({ range, sizeBytes }: Extract<ForeseenCall, { kind: 'get' }>): readonly RequestVerb[] {
  if (range === undefined || sizeBytes === null) return ['get']
  const isRefused = range.start >= sizeBytes
  if (rangeHeader(range) === null) return spanOf(sizeBytes, range).length === 0 ? ['get'] : ['get', 'get']
  return isRefused ? ['get', 'get'] : ['get']
}

function putRequests(limits: S3Limits, sizeBytes: number): readonly RequestVerb[] {
  if (sizeBytes <= limits.putBytesMax) return ['put']
  return byParts('put', evenSpans(sizeBytes, limits.partBytes).length)
}

function copyRequests(limits: S3Limits, sizeBytes: number | null): readonly RequestVerb[] {
  if (sizeBytes === null || sizeBytes <= limits.copyBytesMax) return ['copy']
  return ['copy', 'get', ...byParts('copy', evenSpans(sizeBytes, limits.copyPartBytes).length)]
}

function spliceRequests(
  limits: S3Limits,
  { sizeBytes, baseBytes, tailBytes }: Extract<ForeseenCall, { kind: 'splice' }>,
): readonly RequestVerb[] {
  if (sizeBytes === null || sizeBytes < baseBytes) return ['get']
  if (baseBytes < partBytesMin) return ['get', ...putRequests(limits, baseBytes + tailBytes)]
  const copied = splicedSpans(baseBytes, limits.copyPartBytes).length
  return ['get', ...times('copy', copied), ...byParts('put', splicedSpans(tailBytes, limits.putBytesMax).length)]
}

/** Between a request that begins the upload and one that ends it. */
const byParts = (verb: RequestVerb, parts: number) => times(verb, parts + 2)

const times = (verb: RequestVerb, count: number): readonly RequestVerb[] => Array.from({ length: count }, () => verb)
