import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import {
  actionsOf,
  type configurations,
  container,
  existing,
  full,
  installed,
  key,
  names,
  own,
  resolved,
  resources,
  statementsOf,
  synthesis,
} from './support/infra-deployments.ts'
import { requestsInCode } from './support/requests-in-code.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFile(join(root, path), 'utf8')

/** For a Glue job per table, which those who dispatch to it keep: infra deploys none, so it grants no right to one. */
const ofOwnGlueJobs = ['glue:BatchStopJobRun', 'glue:GetJobRun', 'glue:StartJobRun']
/** IAM knows no resource to name for these. */
const withoutResource = ['ecr:GetAuthorizationToken', 'ecs:DescribeTaskDefinition']

// Half of a synthesis is CDK's own validation of the templates; on a machine with other work it takes a minute.
describe.skipIf(!installed)('the deployment', { timeout: 300_000 }, () => {
  test.each(names)('%s synthesises without network, account, home or Docker', async (name) => {
    const { templates } = await synthesis(name)
    const stacks = name === own ? [] : name === full ? ['Dms', 'Sample'] : ['Dms']
    expect(Object.keys(templates).sort()).toEqual([...stacks, 'Lake', 'Network', 'Run'].sort())
  })

  test.each(names)('%s has no finding of cdk-nag that is not acknowledged with its reason', async (name) => {
    const { findings } = await synthesis(name)
    expect(findings.filter(({ state }) => state === 'Compliant').length).toBeGreaterThan(5)
    expect(findings.filter(({ state }) => !['Compliant', 'Suppressed'].includes(state))).toEqual([])
    expect(findings.filter(({ state, reason }) => state === 'Suppressed' && reason.length < 20)).toEqual([])
  })

  test('images are made from the code alone: what else lies in the repository makes none of them anew', async () => {
    const files = (await synthesis(full)).imageFiles
    const copied = (await readFile(join(root, 'infra/Dockerfile'), 'utf8')).matchAll(/^COPY (?!--from)(.*) \S+$/gmu)
    const named = [...copied].flatMap(([, sources = '']) => sources.split(' '))
    expect(named).toContain('package-lock.json')
    for (const file of [...named, 'bin/dmscdc', 'src/cli.ts', 'sample-db/schema.sql', 'infra/Dockerfile'])
      expect(files).toContain(file)
    const wanted =
      /^(?:\.dockerignore|package(?:-lock)?\.json|build\.mjs|bin|src|sample-db\/[a-z]+\.sql|infra\/(?:Dockerfile|sample-database))(?:\/|$)/u
    const folders = ['sample-db', 'infra']
    expect(files.filter((file) => !wanted.test(file) && !folders.includes(file))).toEqual([])
  })

  test('every bucket is private, encrypted, open to TLS only, kept, and clears aborted uploads', async () => {
    const buckets = await resources(own, 'AWS::S3::Bucket')
    expect(buckets).toHaveLength(2)
    for (const { Properties, DeletionPolicy } of buckets) {
      expect(Object.values(Properties.PublicAccessBlockConfiguration)).toEqual([true, true, true, true])
      expect(Properties.BucketEncryption.ServerSideEncryptionConfiguration).toHaveLength(1)
      expect(Properties.LifecycleConfiguration.Rules).toEqual([
        expect.objectContaining({ AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 }, Status: 'Enabled' }),
      ])
      expect(Properties.LifecycleConfiguration.Rules[0]).not.toHaveProperty('ExpirationInDays')
      expect(DeletionPolicy).toBe('Retain')
    }
    const policies = await resources(own, 'AWS::S3::BucketPolicy')
    expect(policies).toHaveLength(2)
    for (const { Properties } of policies)
      expect(Properties.PolicyDocument.Statement).toContainEqual(
        expect.objectContaining({
          Effect: 'Deny',
          Action: 's3:*',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      )
  })

  test('the state table has the key path, is paid by request, recoverable, and protected from deletion', async () => {
    const [table, ...more] = await resources(own, 'AWS::DynamoDB::Table')
    expect(more).toEqual([])
    expect(table).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: {
        TableName: 'DMSCDC_Controller',
        KeySchema: [{ AttributeName: 'path', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
        DeletionProtectionEnabled: true,
      },
    })
  })

  test('what exists is used, and neither made nor changed', async () => {
    for (const type of ['AWS::S3::Bucket', 'AWS::S3::BucketPolicy', 'AWS::DynamoDB::Table', 'AWS::EC2::VPC'])
      expect(await resources(existing, type)).toEqual([])
    const environment = (await container(existing)).Environment
    expect(environment).toContainEqual({ Name: 'DMSCDC_LANDING', Value: 's3://shop-landing/dms/' })
    expect(environment).toContainEqual({ Name: 'DMSCDC_LAKE', Value: 's3://shop-lake/lake/' })
    expect(environment).toContainEqual({ Name: 'DMSCDC_STATE', Value: 'dynamodb://DMSCDC_Controller' })
    expect(environment).toContainEqual({ Name: 'DMSCDC_KMS_KEY', Value: key })
    expect(environment).toContainEqual({ Name: 'DMSCDC_LANDING_OWNER', Value: '111122223333' })
  })

  test('the task runs on arm64, is no root, and writes to its work folder only', async () => {
    const [task] = await resources(own, 'AWS::ECS::TaskDefinition')
    expect(task!.Properties.RuntimePlatform).toEqual({ CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' })
    const { User, ReadonlyRootFilesystem, MountPoints, Environment } = await container(own)
    expect(User).toBe('1000:1000')
    expect(ReadonlyRootFilesystem).toBe(true)
    expect(MountPoints).toEqual([{ ContainerPath: '/work', ReadOnly: false, SourceVolume: 'work' }])
    expect(Environment).toContainEqual({ Name: 'DMSCDC_TEMP', Value: '/work' })
    expect(Environment).toContainEqual({ Name: 'DMSCDC_MEMORY', Value: '12288MiB' })
  })

  test('a SCHEDULED trigger starts a Python-shell job, hourly by default, one at a time', async () => {
    const [trigger] = await resources(own, 'AWS::Glue::Trigger')
    const [job] = await resources(own, 'AWS::Glue::Job')
    expect(trigger!.Properties).toMatchObject({
      Type: 'SCHEDULED',
      Schedule: 'cron(0 * * * ? *)',
      StartOnCreation: true,
    })
    expect(trigger!.Properties.Actions).toEqual([{ JobName: job!.Properties.Name }])
    expect(job!.Properties).toMatchObject({
      Command: { Name: 'pythonshell', PythonVersion: '3.9' },
      MaxCapacity: 0.0625,
      ExecutionProperty: { MaxConcurrentRuns: 1 },
    })
    const [other] = await resources(existing, 'AWS::Glue::Trigger')
    expect(other!.Properties.Schedule).toBe('cron(15 */2 * * ? *)')
  })

  test('the job outlives the time after which the launcher stops the task, and hands over what the launcher asks for', async () => {
    const [job] = await resources(own, 'AWS::Glue::Job')
    const { Timeout, DefaultArguments } = job!.Properties
    expect(Timeout).toBeGreaterThan(Number(DefaultArguments['--timeout_minutes']))
    const asked = [...(await read('infra/launcher/launch_task.py')).matchAll(/options\.([a-z_]+)/gu)].map(
      ([, name]) => `--${name}`,
    )
    expect(Object.keys(DefaultArguments).sort()).toEqual([...new Set(asked)].sort())
  })

  test.each(names)('%s: no role may do everything, or touch everything', async (name) => {
    const policies = await resources(name, 'AWS::IAM::Policy')
    expect(policies.length).toBeGreaterThan(2)
    for (const statement of policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement)) {
      expect(statement.Effect).toBe('Allow')
      for (const action of [statement.Action].flat()) expect(action).toMatch(/^[a-z0-9]+:[A-Z][A-Za-z]+\*?$/u)
      if ([statement.Resource].flat().includes('*')) expect(withoutResource).toContain(statement.Action)
    }
    for (const { Properties } of await resources(name, 'AWS::IAM::Role'))
      expect(Properties).not.toHaveProperty('Policies')
  })

  test('the run may make every request that its code makes, but for a table of its own making and Glue jobs that infra deploys none of', async () => {
    const granted = await actionsOf(full, 'TaskTaskRole')
    const wanted = await requestsInCode()
    expect(wanted).toContain('s3:AbortMultipartUpload')
    expect(wanted).toContain('dynamodb:UpdateItem')
    expect(wanted.filter((action) => !granted.includes(action))).toEqual(ofOwnGlueJobs)
    const readme = await read('infra/README.md')
    for (const action of ofOwnGlueJobs) expect(readme).toContain(`\`${action}\``)
  })

  test('dispatch is off by default: the run is told of no task and may start none', async () => {
    for (const name of [own, existing]) {
      const told = (await container(name)).Environment.map(({ Name }: { Name: string }) => Name)
      expect(told.filter((variable: string) => /DISPATCH|ECS|VCPU/u.test(variable))).toEqual([])
      const actions = await actionsOf(name, 'TaskTaskRole')
      expect(actions.filter((action) => /^(?:ecs|iam):/u.test(action))).toEqual([])
    }
  })

  test('dispatch hands large tables to tasks of the same definition, cluster and network, as the service reads it', async () => {
    const { Environment, Name } = await container(full)
    const told = (Environment as { Name: string; Value: unknown }[]).filter(({ Name }) =>
      /DISPATCH|ECS|VCPU/u.test(Name),
    )
    const environment = Object.fromEntries(told.map(({ Name, Value }) => [Name, resolved(Value)]))
    const [job] = await resources(full, 'AWS::Glue::Job')
    const launched = (argument: string): string => resolved(job!.Properties.DefaultArguments[argument])
    const places = { landing: 's3://landing/', lake: 's3://lake/' }
    expect(readConfig(places, environment).cycle.dispatch).toEqual({
      kind: 'ecsTask',
      aboveBytes: 5e9,
      cluster: launched('--cluster'),
      taskDefinition: (await resources(full, 'AWS::ECS::TaskDefinition'))[0]!.Properties.Family,
      container: Name,
      subnets: launched('--subnets').split(','),
      securityGroups: [launched('--security_groups')],
      publicIp: true,
      vcpuBudget: 32,
    })
  })

  test('dispatch may start that family in that cluster alone, with the two roles of the task', async () => {
    const statements = (await statementsOf(full, 'TaskTaskRole')).filter(({ Action }) =>
      /^(?:ecs|iam):/u.test([Action].flat()[0]!),
    )
    const ofCluster = { 'Fn::GetAtt': [expect.stringMatching(/^Cluster/u), 'Arn'] }
    const ofRole = (id: RegExp) => ({ 'Fn::GetAtt': [expect.stringMatching(id), 'Arn'] })
    expect(statements.map(({ Action }) => Action)).toEqual([
      'ecs:RunTask',
      ['ecs:DescribeTasks', 'ecs:StopTask'],
      'iam:PassRole',
      'ecs:DescribeTaskDefinition',
    ])
    expect(resolved(statements[0]!.Resource)).toMatch(/^arn:.*:task-definition\/dmscdc:\*$/u)
    expect(resolved(statements[1]!.Resource)).toMatch(/^arn:.*:task\/\{Cluster\w+\}\/\*$/u)
    expect(statements[0]!.Condition).toEqual({ ArnEquals: { 'ecs:cluster': ofCluster } })
    expect(statements[2]).toMatchObject({
      Resource: [ofRole(/^TaskExecutionRole/u), ofRole(/^TaskTaskRole/u)],
      Condition: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    })
  })

  test('the run may not remove what has landed, unless the configuration says so', async () => {
    const deletes = async (name: keyof typeof configurations) =>
      (await resources(name, 'AWS::IAM::Policy'))
        .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes('TaskTaskRole'))
        .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
        .filter(({ Action }) => [Action].flat().includes('s3:DeleteObject'))
        .map(({ Resource }) => JSON.stringify(Resource))
        .join()
    expect(await deletes(own)).not.toContain('Landing')
    expect(await deletes(existing)).not.toContain('shop-landing')
    expect(await deletes(full)).toContain('Landing')
  })

  test('every alarm goes to the topic, which CloudWatch and EventBridge may write to, and names its article in the runbook', async () => {
    const [topic] = await resources(full, 'AWS::SNS::Topic')
    const [policy] = await resources(full, 'AWS::SNS::TopicPolicy')
    const [subscription] = await resources(full, 'AWS::SNS::Subscription')
    const alarms = await resources(full, 'AWS::CloudWatch::Alarm')
    const [rule] = await resources(full, 'AWS::Events::Rule')
    expect(topic).toBeDefined()
    for (const service of ['cloudwatch.amazonaws.com', 'events.amazonaws.com'])
      expect(policy!.Properties.PolicyDocument.Statement).toContainEqual(
        expect.objectContaining({ Effect: 'Allow', Action: 'sns:Publish', Principal: { Service: service } }),
      )
    expect(subscription!.Properties).toMatchObject({ Protocol: 'email', Endpoint: 'ops@example.com' })
    expect(
      alarms.map(({ Properties }) => [Properties.Namespace, Properties.MetricName, Properties.Dimensions]),
    ).toEqual([
      ['dmscdc', 'TablesHeld', undefined],
      ['dmscdc', 'FreshnessSeconds', undefined],
      ['dmscdc', 'Runs', undefined],
    ])
    for (const { Properties } of alarms) expect(Properties.AlarmActions).toHaveLength(1)
    expect(rule!.Properties.EventPattern).toMatchObject({
      source: ['aws.glue'],
      'detail-type': ['Glue Job State Change'],
      detail: { jobName: ['dmscdc'], state: ['FAILED', 'TIMEOUT', 'ERROR'] },
    })
    const texts = [...alarms.map(({ Properties }) => Properties.AlarmDescription), rule!.Properties.Description]
    const links = texts.map((text) => /docs\/runbook\.md#([a-z-]+)$/u.exec(text)?.[1])
    expect(links).toEqual(['a-table-is-held', 'a-table-is-not-fresh', 'no-run-at-all', 'a-run-failed'])
    const articles = anchors(await read('docs/runbook.md'))
    for (const link of links) expect(articles).toContain(link)
    expect(rule!.Properties.Targets[0].InputTransformer.InputTemplate).toContain('docs/runbook.md#a-run-failed')
  })

  test('no run at all is an alarm when there is no metric, the others wait for the next run', async () => {
    const alarms = await resources(own, 'AWS::CloudWatch::Alarm')
    expect(alarms.map(({ Properties }) => [Properties.MetricName, Properties.TreatMissingData])).toEqual([
      ['TablesHeld', 'ignore'],
      ['FreshnessSeconds', 'ignore'],
      ['Runs', 'breaching'],
    ])
  })

  test('DMS writes what the merge wants: Parquet, Op in full loads, milliseconds, before-images, the change sequence', async () => {
    const endpoints = await resources(full, 'AWS::DMS::Endpoint')
    const target = endpoints.find(({ Properties }) => Properties.EndpointType === 'target')!.Properties
    expect(target.S3Settings).toMatchObject({
      DataFormat: 'parquet',
      IncludeOpForFullLoad: true,
      TimestampColumnName: 'dms_timestamp',
      ParquetTimestampInMillisecond: true,
      CdcMaxBatchInterval: 900,
      CdcMinFileSize: 131_072,
      MaxFileSize: 1_048_576,
      DatePartitionEnabled: false,
      PreserveTransactions: false,
      EncryptionMode: 'SSE_S3',
    })
    const [replication] = await resources(full, 'AWS::DMS::ReplicationConfig')
    const { rules } = replication!.Properties.TableMappings
    expect(rules[0]).toMatchObject({ 'rule-action': 'include', 'object-locator': { 'schema-name': 'sampledb' } })
    expect(rules[1]).toMatchObject({ value: 'dms_change_seq', expression: '$AR_H_CHANGE_SEQ' })
    expect(rules[2]).toMatchObject({ 'before-image-def': { 'column-prefix': 'BI_', 'column-filter': 'pk-only' } })
    expect(new Set(rules.map((rule: Record<string, string>) => rule['rule-id'])).size).toBe(rules.length)
  })

  test.each([full, existing])(
    '%s: no password stands in a template; DMS reads it from Secrets Manager',
    async (name) => {
      const endpoints = await resources(name, 'AWS::DMS::Endpoint')
      const source = endpoints.find(({ Properties }) => Properties.EndpointType === 'source')!.Properties
      expect(source).not.toHaveProperty('Password')
      const settings = name === full ? source.MySqlSettings : source.PostgreSqlSettings
      expect(settings).toEqual({
        SecretsManagerSecretId: expect.anything(),
        SecretsManagerAccessRoleArn: expect.anything(),
      })
    },
  )

  test('the sample database has a binlog that DMS can follow, a generated secret, and no way in from outside', async () => {
    const [database] = await resources(full, 'AWS::RDS::DBInstance')
    expect(database!.Properties).toMatchObject({
      PubliclyAccessible: false,
      StorageEncrypted: true,
      BackupRetentionPeriod: 1,
    })
    expect(JSON.stringify(database!.Properties.MasterUserPassword)).toContain('resolve:secretsmanager')
    const [parameters] = await resources(full, 'AWS::RDS::DBParameterGroup')
    expect(parameters!.Properties.Parameters).toMatchObject({ binlog_format: 'ROW', binlog_row_image: 'FULL' })
  })
})

/** The anchors of a page's headings, as the forge makes them. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+\s+(.*)$/gmu)].map(([, heading = '']) =>
    heading
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replace(/ /gu, '-'),
  )
}
