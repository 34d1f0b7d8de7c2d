import { infraInstalled, type Resource, type Synthesis, synthesise } from './cdk.ts'

export const key = 'arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555'
/** What is deployed: all of it its own, with all that can be had, and into what exists. */
export const configurations = {
  'all of its own': {},
  'with DMS, the sample database and the catalog': {
    alarms: { email: 'ops@example.com' },
    dms: {},
    sampleDatabase: {},
    glueDatabases: ['sampledb'],
    mayRemoveLanded: true,
    dispatch: { aboveGb: 5, vcpuBudget: 32 },
  },
  'in what exists': {
    name: 'shop',
    landing: { bucket: 'shop-landing', prefix: 'dms/', kmsKeyArn: key, ownerAccount: '111122223333' },
    lake: { bucket: 'shop-lake', prefix: 'lake/', kmsKeyArn: key },
    state: { existing: true },
    vpc: {
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      availabilityZones: ['eu-west-1a', 'eu-west-1b'],
      securityGroupId: 'sg-0123456789abcdef0',
    },
    trigger: { schedule: 'cron(15 */2 * * ? *)', retries: 1 },
    dms: {
      source: {
        engine: 'postgres',
        secretArn: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf',
        secretKmsKeyArn: key,
        databaseName: 'shop',
        sslMode: 'require',
      },
      tables: [{ schema: 'public', table: 'order%' }],
      createAccountRoles: false,
      createSecretsEndpoint: false,
    },
  },
} as const

export const installed = await infraInstalled()
const made = new Map<string, Promise<Synthesis>>()

export function synthesis(name: keyof typeof configurations): Promise<Synthesis> {
  const found = made.get(name) ?? synthesise(configurations[name])
  made.set(name, found)
  return found
}

export async function resources(name: keyof typeof configurations, type: string): Promise<Resource[]> {
  const { templates } = await synthesis(name)
  return Object.values(templates)
    .flatMap(({ Resources = {} }) => Object.values(Resources))
    .filter(({ Type }) => Type === type)
}

export const names = Object.keys(configurations) as (keyof typeof configurations)[]
export const own = names[0]!
export const full = names[1]!
export const existing = names[2]!

export async function actionsOf(name: keyof typeof configurations, role: string): Promise<string[]> {
  return (await statementsOf(name, role)).flatMap(({ Action }) => Action)
}

export async function statementsOf(name: keyof typeof configurations, role: string): Promise<Statement[]> {
  return (await resources(name, 'AWS::IAM::Policy'))
    .filter(({ Properties }) => JSON.stringify(Properties.Roles).includes(role))
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
}

export async function container(name: keyof typeof configurations) {
  const [task] = await resources(name, 'AWS::ECS::TaskDefinition')
  return task!.Properties.ContainerDefinitions[0]
}

type Statement = {
  readonly Action: string | readonly string[]
  readonly Resource: unknown
  readonly Condition?: unknown
}

/** A template's value as text; what only a deployment knows stands as its name in braces. */
export function resolved(value: unknown): string {
  if (typeof value === 'string') return value
  const [[kind, of]] = Object.entries(value as Record<string, unknown>) as [[string, unknown]]
  if (kind !== 'Fn::Join') return `{${[of].flat().map(String).join('.')}}`
  const [separator, parts] = of as [string, unknown[]]
  return parts.map(resolved).join(separator)
}
