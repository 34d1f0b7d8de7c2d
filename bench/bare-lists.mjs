import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'

// The floor of a run over idle tables: one LIST each, so many at a time, by the SDK alone. `<bucket> <at once> <prefix>…`
const [bucket, atOnce, ...prefixes] = process.argv.slice(2)
const client = new S3Client({ forcePathStyle: true })
const waiting = prefixes.values()
const listNext = async () => {
  for (const Prefix of waiting) await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix }))
}
await Promise.all(Array.from({ length: Number(atOnce) }, listNext))
