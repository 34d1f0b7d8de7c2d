import { z } from 'zod'

/** What a deployment is, as its JSON file says it; every field has a default, so that `{}` deploys all of it but DMS. */
export type Deployment = z.infer<typeof deployment>

/** A wrong file. `message` names field, found and expected; `hint` is the next action. */
export class ConfigError extends Error {
  readonly hint: string

  constructor(message: string, hint: string) {
    super(message)
    this.hint = hint
  }
}

const bucketName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u, 'a bucket name: 3 to 63 lower-case letters, digits, dots and dashes')
const prefix = z
  .string()
  .regex(/^(?:[^/]+\/)*$/u, 'a prefix that is empty or ends with one slash, as in "dms/"')
  .default('')
const identifier = (start: string) =>
  z.string().regex(new RegExp(`^${start}-[0-9a-f]{8,17}$`, 'u'), `an id as in "${start}-0123456789abcdef0"`)
const arn = (service: string) =>
  z.string().regex(new RegExp(`^arn:aws[a-z-]*:${service}:`, 'u'), `an ARN that begins with "arn:aws:${service}:"`)
const account = z.string().regex(/^\d{12}$/u, 'the 12 digits of an AWS account')
const whole = (least: number, most: number) =>
  z.number().refine((n) => Number.isInteger(n) && n >= least && n <= most, `a whole number from ${least} to ${most}`)

/** Fargate's sizes: the memory, in MiB, that goes with each number of CPU units. */
const fargateMemoryMib: Readonly<
  Record<number, { readonly least: number; readonly most: number; readonly step: number }>
> = {
  1024: { least: 2048, most: 8192, step: 1024 },
  2048: { least: 4096, most: 16_384, step: 1024 },
  4096: { least: 8192, most: 30_720, step: 1024 },
  8192: { least: 16_384, most: 61_440, step: 4096 },
  16384: { least: 32_768, most: 122_880, step: 8192 },
}

/** A bucket that exists is named; without a name the deployment makes one. `kmsKeyArn`: its objects are encrypted by that key. */
const place = z.strictObject({
  bucket: bucketName.nullable().default(null),
  prefix,
  kmsKeyArn: arn('kms').nullable().default(null),
  /** Of a bucket that exists: requests fail where another account owns it. */
  ownerAccount: account.nullable().default(null),
})

/** Subnets need a way to the registry, S3, DynamoDB, Glue and CloudWatch: `publicIp` where that way is an internet gateway. */
const existingVpc = z.strictObject({
  vpcId: identifier('vpc'),
  subnetIds: z.array(identifier('subnet')).min(1, 'at least one subnet'),
  availabilityZones: z.array(z.string()).min(1, 'the zone of each subnet, in the same order'),
  securityGroupId: identifier('sg'),
  publicIp: z.boolean().default(false),
})

const task = z
  .strictObject({
    cpuUnits: z
      .number()
      .refine((n) => n in fargateMemoryMib, `one of ${Object.keys(fargateMemoryMib).join(', ')}`)
      .default(4096),
    memoryMib: z.number().default(16_384),
    /** The work folder: copies of landing files, new lake files, DuckDB's spill. */
    ephemeralStorageGib: whole(21, 200).default(50),
    /** Tables at a time; null: as many as memory and cores allow. */
    concurrency: whole(1, 64).nullable().default(null),
    timeoutMinutes: whole(5, 2880).default(180),
    logRetentionDays: z
      .number()
      .refine((n) => [7, 14, 30, 60, 90, 180, 365].includes(n), 'one of 7, 14, 30, 60, 90, 180, 365')
      .default(90),
  })
  .superRefine(({ cpuUnits, memoryMib }, context) => {
    const range = fargateMemoryMib[cpuUnits]
    if (range === undefined) return
    const { least, most, step } = range
    if (memoryMib < least || memoryMib > most || memoryMib % step !== 0)
      context.addIssue({
        code: 'custom',
        path: ['memoryMib'],
        message: `with ${cpuUnits} CPU units ${least} to ${most} in steps of ${step}`,
      })
  })

/** Large tables get a task of their own, of the same size as the run's. */
const dispatch = z.strictObject({
  /** What is large: so much of landing to take; 0: every table that has any. */
  aboveGb: whole(0, 10_000).default(1),
  /** Those tasks together use at most so many; null: as many as the account's quota allows. */
  vcpuBudget: whole(1, 10_000).nullable().default(null),
})

const trigger = z.strictObject({
  schedule: z
    .string()
    .regex(/^cron\(\S+ \S+ \S+ \S+ \S+ \S+\)$/u, 'six fields of cron in UTC, as in "cron(0 * * * ? *)"')
    .default('cron(0 * * * ? *)'),
  enabled: z.boolean().default(true),
  /** How often Glue starts a failed run again; the next one on schedule is a retry as well. */
  retries: whole(0, 10).default(0),
})

const alarms = z.strictObject({
  email: z
    .string()
    .regex(/^[^@\s]+@[^@\s]+\.[^@\s]+$/u, 'an e-mail address')
    .nullable()
    .default(null),
  freshnessLimitMinutes: whole(5, 10_080).default(180),
  noRunHours: whole(1, 168).default(3),
  /** Before the article's anchor, in each alarm's text. */
  runbook: z.string().min(1, 'a place').default('docs/runbook.md'),
})

const engines = ['mysql', 'mariadb', 'aurora', 'postgres', 'aurora-postgresql', 'oracle', 'sqlserver'] as const
const namesDatabases: readonly string[] = ['postgres', 'aurora-postgresql', 'oracle', 'sqlserver']

const source = z
  .strictObject({
    engine: z.enum(engines),
    /** Holds host, port, username and password; the sample database makes its own. */
    secretArn: arn('secretsmanager'),
    secretKmsKeyArn: arn('kms').nullable().default(null),
    /** What the engine connects to; MySQL and its kin need none. */
    databaseName: z.string().nullable().default(null),
    sslMode: z.enum(['none', 'require', 'verify-ca', 'verify-full']).default('none'),
    /** Imported into DMS (`aws dms import-certificate`), for `verify-ca` and `verify-full`. */
    certificateArn: arn('dms').nullable().default(null),
  })
  .superRefine(({ engine, databaseName, sslMode, certificateArn }, context) => {
    const expect = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
    const namesDatabase = namesDatabases.includes(engine)
    if (namesDatabase && databaseName === null) expect('databaseName', `the database's name, which ${engine} needs`)
    if (!namesDatabase && sslMode === 'require')
      expect('sslMode', `none, verify-ca or verify-full, as DMS takes for ${engine}`)
    if (sslMode.startsWith('verify') && certificateArn === null)
      expect('certificateArn', `the ARN of a certificate, which sslMode ${sslMode} needs`)
  })

const dms = z.strictObject({
  /** Null: the sample database. */
  source: source.nullable().default(null),
  /** What is replicated, with DMS's wildcard %. */
  tables: z
    .array(z.strictObject({ schema: z.string().min(1), table: z.string().min(1).default('%') }))
    .min(1, 'at least one schema')
    .default([{ schema: 'sampledb', table: '%' }]),
  capacityUnits: z
    .strictObject({ least: z.number().default(1), most: z.number().default(4) })
    .refine(
      ({ least, most }) =>
        [least, most].every((n) => [1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384].includes(n)) && least <= most,
      'least and most of 1, 2, 4, 8, 16, 32, 64, 128, 192, 256, 384, least first',
    )
    .default({ least: 1, most: 4 }),
  /** A change file is closed when it is that old, or that large. */
  batchMaxSeconds: whole(60, 86_400).default(900),
  batchMinFileMib: whole(1, 1024).default(128),
  fullLoadFileMib: whole(1, 1024).default(1024),
  timestampColumn: z.string().nullable().default('dms_timestamp'),
  changeSequenceColumn: z.string().nullable().default('dms_change_seq'),
  beforeImagePrefix: z.string().nullable().default('BI_'),
  /** The roles dms-vpc-role and dms-cloudwatch-logs-role exist once per account. */
  createAccountRoles: z.boolean().default(true),
  /** Of an existing VPC: whether the deployment makes the endpoint of Secrets Manager that serverless DMS needs. */
  createSecretsEndpoint: z.boolean().default(true),
})

const sampleDatabase = z.strictObject({
  engineVersion: z
    .string()
    .regex(/^8\.\d+\.\d+$/u, 'a version of MySQL 8, as in "8.4.10"')
    .default('8.4.10'),
  storageGib: whole(20, 1000).default(20),
})

const deployment = z
  .strictObject({
    /** Begins every name; two deployments in one account and region need two. */
    name: z
      .string()
      .regex(/^[a-z][a-z0-9-]{1,20}$/u, '2 to 21 lower-case letters, digits and dashes')
      .default('dmscdc'),
    landing: place.prefault({}),
    lake: place.prefault({}),
    state: z
      .strictObject({
        tableName: z
          .string()
          .regex(/^[\w.-]{3,255}$/u, "a DynamoDB table's name")
          .default('DMSCDC_Controller'),
        /** The table exists, for instance the original's: it is used, and neither made nor changed. */
        existing: z.boolean().default(false),
      })
      .prefault({}),
    /** The run may move processed landing files away or delete them (`Landed`); DMS's own files stay untouched without it. */
    mayRemoveLanded: z.boolean().default(false),
    /** Databases of the Glue Data Catalog that the run may write; empty: none. `%` is no wildcard here. */
    glueDatabases: z
      .array(z.string().regex(/^[a-z0-9_-]{1,255}$/u, "a Glue database's name in lower case"))
      .default([]),
    vpc: existingVpc.nullable().default(null),
    task: task.prefault({}),
    dispatch: dispatch.nullable().default(null),
    trigger: trigger.prefault({}),
    alarms: alarms.prefault({}),
    dms: dms.nullable().default(null),
    sampleDatabase: sampleDatabase.nullable().default(null),
  })
  .superRefine((found, context) => {
    const taskVcpus = found.task.cpuUnits / 1024
    if (found.dispatch !== null && found.dispatch.vcpuBudget !== null && found.dispatch.vcpuBudget < taskVcpus)
      context.addIssue({
        code: 'custom',
        path: ['dispatch', 'vcpuBudget'],
        message: `at least the ${taskVcpus} that one task has`,
      })
    if (found.dms !== null && found.dms.source === null && found.sampleDatabase === null)
      context.addIssue({
        code: 'custom',
        path: ['dms', 'source'],
        message: 'a source, or "sampleDatabase": {} to replicate from',
      })
    if (found.sampleDatabase !== null && found.vpc !== null && found.vpc.subnetIds.length < 2)
      context.addIssue({
        code: 'custom',
        path: ['vpc', 'subnetIds'],
        message: 'two subnets in two zones for the sample database',
      })
    if (found.dms !== null && found.vpc !== null && found.vpc.subnetIds.length < 2)
      context.addIssue({ code: 'custom', path: ['vpc', 'subnetIds'], message: 'two subnets in two zones for DMS' })
    if (found.vpc !== null && found.vpc.availabilityZones.length !== found.vpc.subnetIds.length)
      context.addIssue({ code: 'custom', path: ['vpc', 'availabilityZones'], message: 'as many zones as subnets' })
  })

/** The deployment that a file's text describes. Throws `ConfigError`, with every wrong field on a line of its own. */
export function parseDeployment(file: string, text: string): Deployment {
  const json = jsonOf(file, text)
  const parsed = deployment.safeParse(json)
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues.map(
    (issue) => `${file}: ${issue.path.join('.') || 'the file'}: ${fault(issue, json)}`,
  )
  throw new ConfigError(wrong.join('\n'), `correct ${file}; infra/README.md lists its fields`)
}

function jsonOf(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`${file}: found text that is not JSON (${reason})`, `correct ${file}`)
  }
}

function fault(issue: z.core.$ZodIssue, json: unknown): string {
  if (issue.code === 'unrecognized_keys')
    return `found ${issue.keys.map((key) => `"${key}"`).join(', ')}, expected no such field`
  return `found ${valueAt(json, issue.path)}, expected ${expectation(issue)}`
}

function valueAt(json: unknown, path: readonly PropertyKey[]): string {
  const value = path.reduce((outer, key) => (outer as Record<PropertyKey, unknown> | null | undefined)?.[key], json)
  return value === undefined ? 'nothing' : JSON.stringify(value)
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `one of ${issue.values.join(', ')}`
  return issue.code === 'invalid_type' ? issue.expected : issue.message
}
