import type { ObjectInfo } from './object-store.ts'

/** What the headers of HEAD and GET say; the size is the whole object's also where a range was asked for. */
export function infoOfHeaders(
  key: string,
  output: {
    readonly ContentLength?: number | undefined
    readonly ContentRange?: string | undefined
    readonly LastModified?: Date | undefined
    readonly ETag?: string | undefined
  },
): ObjectInfo {
  const whole = /\/(\d+)$/u.exec(output.ContentRange ?? '')?.[1]
  return {
    key,
    sizeBytes: whole === undefined ? (output.ContentLength ?? 0) : Number(whole),
    modifiedMs: wholeSecondMs(output.LastModified),
    etag: etagText(output.ETag),
  }
}

/** S3 has whole seconds everywhere; some servers have more of them in a listing than in a header. */
export function wholeSecondMs(date: Date | undefined): number {
  return Math.floor((date?.getTime() ?? 0) / 1_000) * 1_000
}

/** Without the quotes that HTTP puts around it. */
export function etagText(etag: string | undefined): string {
  return (etag ?? '').replace(/^"(.*)"$/su, '$1')
}
