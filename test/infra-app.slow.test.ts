import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { checkTypes, infraInstalled, refusal } from './support/cdk.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFile(join(root, path), 'utf8')

/** Of the CloudFormation templates that people move over from. */
const originalParameters = [
  ...['SecurityGroup', 'Subnet1', 'Subnet2'],
  ...['DBEngine', 'DBServer', 'DBPort', 'DBUser', 'DBPassword', 'DBName', 'DMSReplicationInstanceArn'],
  ...['DMSTableFilter', 'DMSSchemaFilter', 'CreateDMSBucket', 'DMSBucket', 'DMSFolder'],
  ...['CreateLakeBucket', 'LakeBucket', 'LakeFolder', 'LakeDBName', 'CDCSchedule', 'CrawlerSchedule'],
]

const installed = await infraInstalled()

describe.skipIf(!installed)('the app of the deployment', { timeout: 300_000 }, () => {
  test('has clean types', checkTypes)

  test('a wrong configuration ends with field, found and expected, and no trace', async () => {
    const failure = await refusal({ trigger: { schedule: 'hourly' } })
    expect(failure).toContain('trigger.schedule: found "hourly", expected six fields of cron in UTC')
    expect(failure).toContain('Try: correct ')
    expect(failure).not.toContain('    at ')
  })
})

describe('infra/README.md', () => {
  test("maps every parameter of the original's templates", async () => {
    const rows = (await read('infra/README.md')).split('\n').filter((line) => line.startsWith('| `'))
    const missing = originalParameters.filter((name) => !rows.some((row) => row.startsWith(`| \`${name}\` |`)))
    expect(missing).toEqual([])
  })
})
