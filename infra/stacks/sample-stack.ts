import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { InstanceClass, InstanceSize, InstanceType, Port } from 'aws-cdk-lib/aws-ec2'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import {
  ContainerImage,
  Secret as ContainerSecret,
  CpuArchitecture,
  FargateTaskDefinition,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import {
  Credentials,
  DatabaseInstance,
  DatabaseInstanceEngine,
  type IInstanceEngine,
  MysqlEngineVersion,
  ParameterGroup,
  StorageType,
} from 'aws-cdk-lib/aws-rds'
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'
import { imageRoot } from './image-root.ts'
import type { Network } from './network-stack.ts'

export type SampleDatabase = { readonly secret: ISecret }

type Given = { readonly deployment: Deployment; readonly network: Network }

/** A small MySQL to try everything on, and a task that runs the sample's scripts on it. Throw-away: deleting the stack deletes the data. */
export function addSampleStack(app: Construct, { deployment, network }: Given): SampleDatabase {
  const stack = new Stack(app, 'Sample', {
    stackName: `${deployment.name}-sample`,
    description: 'dmscdc: a sample database to replicate from; throw-away',
  })
  const database = addDatabase(stack, deployment.sampleDatabase!, network)
  const secret = database.secret!
  addScripts(stack, deployment.name, secret)
  new CfnOutput(stack, 'TaskSubnet', { value: network.taskSubnets[0]!.subnetId })
  new CfnOutput(stack, 'TaskGroup', { value: network.taskGroup.securityGroupId })
  new CfnOutput(stack, 'SecretArn', { value: secret.secretArn, description: 'Host, port, user and password' })
  return { secret }
}

function addDatabase(
  stack: Stack,
  { engineVersion, storageGib }: NonNullable<Deployment['sampleDatabase']>,
  { vpc, dataSubnets, taskGroup, dmsGroup }: Network,
): DatabaseInstance {
  const version = MysqlEngineVersion.of(engineVersion, engineVersion.split('.').slice(0, 2).join('.'))
  const engine = DatabaseInstanceEngine.mysql({ version })
  const database = new DatabaseInstance(stack, 'Database', {
    engine,
    instanceType: InstanceType.of(InstanceClass.T4G, InstanceSize.MICRO),
    vpc,
    vpcSubnets: { subnets: [...dataSubnets] },
    credentials: Credentials.fromGeneratedSecret('dmscdc'),
    parameterGroup: binlogParameters(stack, engine),
    allocatedStorage: storageGib,
    storageType: StorageType.GP3,
    storageEncrypted: true,
    publiclyAccessible: false,
    // Without backups RDS writes no binlog.
    backupRetention: Duration.days(1),
    autoMinorVersionUpgrade: true,
    deletionProtection: false,
    deleteAutomatedBackups: true,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const groups = [...new Map([taskGroup, dmsGroup].map((group) => [group.securityGroupId, group])).values()]
  for (const group of groups) database.connections.allowFrom(group, Port.tcp(3306), 'the sample scripts and DMS')
  acknowledgeDatabase(database)
  return database
}

/** What DMS needs to follow the binlog of MySQL, with the whole row before and after each change; and without a certificate. */
function binlogParameters(stack: Stack, engine: IInstanceEngine): ParameterGroup {
  return new ParameterGroup(stack, 'Parameters', {
    engine,
    description: 'dmscdc: a binlog that DMS can follow',
    parameters: {
      binlog_format: 'ROW',
      binlog_row_image: 'FULL',
      binlog_checksum: 'NONE',
      require_secure_transport: '0',
    },
  })
}

/** `schema` makes and fills the tables, `changes` is a day of the shop. Run by `aws ecs run-task`, as infra/README.md shows. */
function addScripts(stack: Stack, name: string, secret: ISecret): void {
  const definition = new FargateTaskDefinition(stack, 'Scripts', {
    family: `${name}-sample`,
    cpu: 256,
    memoryLimitMiB: 512,
    runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
  })
  const field = (key: string) => ContainerSecret.fromSecretsManager(secret, key)
  const logGroup = new LogGroup(stack, 'ScriptsLog', {
    logGroupName: `/${name}/sample`,
    retention: RetentionDays.ONE_WEEK,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  definition.addContainer('sql', {
    image: ContainerImage.fromAsset(imageRoot, {
      file: 'infra/sample-database/Dockerfile',
      platform: Platform.LINUX_ARM64,
    }),
    command: ['schema'],
    user: '999:999',
    readonlyRootFilesystem: true,
    secrets: {
      DB_HOST: field('host'),
      DB_PORT: field('port'),
      DB_USER: field('username'),
      MYSQL_PWD: field('password'),
    },
    logging: LogDrivers.awsLogs({ logGroup, streamPrefix: 'sample' }),
  })
  acknowledge(definition.obtainExecutionRole(), {
    rule: 'AwsSolutions-IAM5',
    reason: 'ecr:GetAuthorizationToken has no resource to name.',
    appliesTo: ['Resource::*'],
  })
}

function acknowledgeDatabase(database: DatabaseInstance): void {
  const sample = 'A sample database with made-up rows, deleted with its stack: '
  acknowledge(
    database,
    { rule: 'AwsSolutions-RDS3', reason: `${sample}a second zone would double its price.` },
    { rule: 'AwsSolutions-RDS10', reason: `${sample}deletion is wanted.` },
    { rule: 'AwsSolutions-RDS11', reason: `${sample}no way in from outside its VPC, on whatever port.` },
    { rule: 'AwsSolutions-SMG4', reason: `${sample}its generated password lives as long as it does.` },
  )
}
