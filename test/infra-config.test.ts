import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ConfigError, parseDeployment } from '../infra/config.ts'

const parse = (config: object) => parseDeployment('dmscdc.json', JSON.stringify(config))

describe("a deployment's configuration", () => {
  test('that is checked in is a good one, and deploys all but DMS', () => {
    const text = readFileSync(new URL('../infra/dmscdc.json', import.meta.url), 'utf8')
    expect(parseDeployment('dmscdc.json', text)).toMatchObject({
      name: 'dmscdc',
      landing: { bucket: null, prefix: '' },
      state: { tableName: 'DMSCDC_Controller', existing: false },
      trigger: { schedule: 'cron(0 * * * ? *)' },
      dispatch: null,
      dms: null,
      sampleDatabase: null,
    })
  })

  test('that only switches dispatch on takes 1 GB as large, as the service does, and no budget', () => {
    expect(parse({ dispatch: {} }).dispatch).toEqual({ aboveGb: 1, vcpuBudget: null })
  })

  test.each<[string, object, string]>([
    ['an unknown field', { lakes: {} }, 'the file: found "lakes", expected no such field'],
    ['an unknown field inside', { task: { ram: 1 } }, 'task: found "ram", expected no such field'],
    ['a name of another type', { name: 7 }, 'name: found 7, expected string'],
    [
      'a bucket that is a URL',
      { lake: { bucket: 's3://lake' } },
      'lake.bucket: found "s3://lake", expected a bucket name',
    ],
    ['a prefix without its slash', { lake: { prefix: 'lake' } }, 'lake.prefix: found "lake", expected a prefix'],
    [
      'a schedule in words',
      { trigger: { schedule: 'hourly' } },
      'trigger.schedule: found "hourly", expected six fields',
    ],
    [
      'too little memory',
      { task: { memoryMib: 1000 } },
      'task.memoryMib: found 1000, expected with 4096 CPU units 8192 to 30720',
    ],
    ['memory between two steps', { task: { memoryMib: 9000 } }, 'task.memoryMib: found 9000'],
    [
      'a size that Fargate lacks',
      { task: { cpuUnits: 3000 } },
      'task.cpuUnits: found 3000, expected one of 1024, 2048',
    ],
    ['a table size as text', { dispatch: { aboveGb: '1GB' } }, 'dispatch.aboveGb: found "1GB", expected number'],
    [
      'a budget that bears no task',
      { dispatch: { vcpuBudget: 2 } },
      'dispatch.vcpuBudget: found 2, expected at least the 4 that one task has',
    ],
    [
      'an unknown engine',
      { dms: { source: { engine: 'db2' } } },
      'dms.source.engine: found "db2", expected one of mysql',
    ],
    ['DMS without a source', { dms: {} }, 'dms.source: found nothing, expected a source, or "sampleDatabase": {}'],
    [
      'PostgreSQL without a database',
      { dms: { source: { engine: 'postgres', secretArn: 'arn:aws:secretsmanager:r:1:secret:s' } } },
      'dms.source.databaseName: found nothing',
    ],
    [
      'TLS that DMS does not do for MySQL',
      { dms: { source: { engine: 'mysql', secretArn: 'arn:aws:secretsmanager:r:1:secret:s', sslMode: 'require' } } },
      'dms.source.sslMode: found "require", expected none, verify-ca or verify-full',
    ],
    [
      'TLS to verify without a certificate',
      { dms: { source: { engine: 'mysql', secretArn: 'arn:aws:secretsmanager:r:1:secret:s', sslMode: 'verify-ca' } } },
      'dms.source.certificateArn: found nothing, expected the ARN of a certificate',
    ],
    [
      'zones that are not those of the subnets',
      {
        vpc: {
          vpcId: 'vpc-01234567',
          subnetIds: ['subnet-01234567'],
          availabilityZones: ['a', 'b'],
          securityGroupId: 'sg-01234567',
        },
      },
      'vpc.availabilityZones',
    ],
    [
      'an e-mail without a place',
      { alarms: { email: 'ops' } },
      'alarms.email: found "ops", expected an e-mail address',
    ],
  ])('with %s is refused, naming field, found and expected', (_what, config, message) => {
    expect(() => parse(config)).toThrow(ConfigError)
    expect(() => parse(config)).toThrow(`dmscdc.json: ${message}`)
  })

  test('with several faults names each on a line of its own', () => {
    expect(messageOf(() => parse({ name: 'X', task: { cpuUnits: 1 } })).split('\n')).toHaveLength(2)
  })

  test('that is no JSON says so', () => {
    expect(messageOf(() => parseDeployment('dmscdc.json', '{'))).toContain('dmscdc.json: found text that is not JSON')
  })
})

function messageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was refused')
}
