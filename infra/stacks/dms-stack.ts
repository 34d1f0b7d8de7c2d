import { CfnOutput, Stack } from 'aws-cdk-lib'
import { CfnEndpoint, CfnReplicationConfig, CfnReplicationSubnetGroup } from 'aws-cdk-lib/aws-dms'
import { InterfaceVpcEndpoint, InterfaceVpcEndpointAwsService, Port, SecurityGroup } from 'aws-cdk-lib/aws-ec2'
import { ManagedPolicy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'
import { replicationSettings, tableMappings } from './dms-settings.ts'
import type { Lake, Place } from './lake-stack.ts'
import type { Network } from './network-stack.ts'
import type { SampleDatabase } from './sample-stack.ts'

export type DmsSettings = NonNullable<Deployment['dms']>

type Given = {
  readonly deployment: Deployment
  readonly settings: DmsSettings
  readonly network: Network
  readonly lake: Lake
  readonly sample: SampleDatabase | null
}

/** DMS Serverless from the source to the landing: full load, then changes, with the settings that the merge wants. */
export function addDmsStack(app: Construct, { deployment, settings, network, lake, sample }: Given): void {
  const stack = new Stack(app, 'Dms', {
    stackName: `${deployment.name}-dms`,
    description: 'dmscdc: DMS Serverless from the source database to the landing',
  })
  const accountRoles = settings.createAccountRoles ? addAccountRoles(stack) : []
  if (deployment.vpc === null || settings.createSecretsEndpoint) addSecretsEndpoint(stack, network)
  const subnets = new CfnReplicationSubnetGroup(stack, 'Subnets', {
    replicationSubnetGroupIdentifier: `${deployment.name}-subnets`,
    replicationSubnetGroupDescription: 'dmscdc: where the replication runs',
    subnetIds: network.dataSubnets.map(({ subnetId }) => subnetId),
  })
  for (const role of accountRoles) subnets.node.addDependency(role)
  const source = addSource(stack, settings, sample)
  const target = addTarget(stack, settings, lake.landing)
  const replication = new CfnReplicationConfig(stack, 'Replication', {
    replicationConfigIdentifier: deployment.name,
    replicationType: 'full-load-and-cdc',
    sourceEndpointArn: source.ref,
    targetEndpointArn: target.ref,
    computeConfig: {
      replicationSubnetGroupId: subnets.ref,
      vpcSecurityGroupIds: [network.dmsGroup.securityGroupId],
      minCapacityUnits: settings.capacityUnits.least,
      maxCapacityUnits: settings.capacityUnits.most,
      multiAz: false,
    },
    tableMappings: tableMappings(settings),
    replicationSettings: replicationSettings(),
  })
  new CfnOutput(stack, 'ReplicationConfigArn', {
    value: replication.ref,
    description: 'aws dms start-replication --replication-config-arn …',
  })
}

/** DMS looks for these two by their names; an account has them once. */
function addAccountRoles(stack: Stack): Role[] {
  const role = (roleName: string, policy: string) => {
    const made = new Role(stack, roleName, {
      roleName,
      assumedBy: new ServicePrincipal('dms.amazonaws.com'),
      managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(`service-role/${policy}`)],
    })
    acknowledge(made, {
      rule: 'AwsSolutions-IAM4',
      reason: 'DMS asks for this role by name and names this policy for it.',
      appliesTo: [`Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/${policy}`],
    })
    return made
  }
  return [
    role('dms-vpc-role', 'AmazonDMSVPCManagementRole'),
    role('dms-cloudwatch-logs-role', 'AmazonDMSCloudWatchLogsRole'),
  ]
}

/** DMS Serverless reaches Secrets Manager by the VPC only; S3 by the gateway endpoint that the VPC has. */
function addSecretsEndpoint(stack: Stack, { vpc, dataSubnets, dmsGroup, taskGroup }: Network): void {
  const group = new SecurityGroup(stack, 'SecretsGroup', {
    vpc,
    description: 'dmscdc: the way to Secrets Manager',
    allowAllOutbound: false,
  })
  const callers = new Map([dmsGroup, taskGroup].map((caller) => [caller.securityGroupId, caller]))
  for (const caller of callers.values()) group.addIngressRule(caller, Port.tcp(443), 'Secrets Manager')
  new InterfaceVpcEndpoint(stack, 'SecretsEndpoint', {
    vpc,
    service: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    subnets: { subnets: [...dataSubnets] },
    securityGroups: [group],
    open: false,
  })
}

/** The property of an endpoint that holds each engine's settings. */
const settingsOf = {
  mysql: 'mySqlSettings',
  mariadb: 'mySqlSettings',
  aurora: 'mySqlSettings',
  postgres: 'postgreSqlSettings',
  'aurora-postgresql': 'postgreSqlSettings',
  oracle: 'oracleSettings',
  sqlserver: 'microsoftSqlServerSettings',
} as const

function addSource(stack: Stack, settings: DmsSettings, sample: SampleDatabase | null): CfnEndpoint {
  const found = settings.source
  const secret = found === null ? sample!.secret : Secret.fromSecretCompleteArn(stack, 'Secret', found.secretArn)
  const role = addSecretRole(stack, secret, found?.secretKmsKeyArn ?? null)
  const engine = found?.engine ?? 'mysql'
  const endpoint = new CfnEndpoint(stack, 'Source', {
    endpointType: 'source',
    engineName: engine,
    sslMode: found?.sslMode ?? 'none',
    ...(found?.databaseName == null ? {} : { databaseName: found.databaseName }),
    ...(found?.certificateArn == null ? {} : { certificateArn: found.certificateArn }),
    [settingsOf[engine]]: { secretsManagerSecretId: secret.secretArn, secretsManagerAccessRoleArn: role.roleArn },
  })
  endpoint.node.addDependency(role)
  return endpoint
}

function addSecretRole(stack: Stack, secret: ISecret, kmsKeyArn: string | null): Role {
  const role = new Role(stack, 'SecretRole', {
    assumedBy: new ServicePrincipal(`dms.${stack.region}.amazonaws.com`),
    description: "dmscdc: DMS reads the source's credentials",
  })
  role.addToPolicy(
    new PolicyStatement({
      actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
      resources: [secret.secretArn],
    }),
  )
  if (kmsKeyArn !== null) Key.fromKeyArn(stack, 'SecretKey', kmsKeyArn).grantDecrypt(role)
  return role
}

function addTarget(stack: Stack, settings: DmsSettings, landing: Place): CfnEndpoint {
  const role = addTargetRole(stack, landing)
  const key = landing.bucket.encryptionKey
  const { timestampColumn } = settings
  const endpoint = new CfnEndpoint(stack, 'Target', {
    endpointType: 'target',
    engineName: 's3',
    s3Settings: {
      bucketName: landing.bucket.bucketName,
      ...(landing.prefix === '' ? {} : { bucketFolder: landing.prefix.slice(0, -1) }),
      serviceAccessRoleArn: role.roleArn,
      ...(landing.owner === null ? {} : { expectedBucketOwner: landing.owner }),
      dataFormat: 'parquet',
      parquetVersion: 'parquet-2-0',
      compressionType: 'gzip',
      parquetTimestampInMillisecond: true,
      includeOpForFullLoad: true,
      ...(timestampColumn === null ? {} : { timestampColumnName: timestampColumn }),
      cdcMaxBatchInterval: settings.batchMaxSeconds,
      cdcMinFileSize: settings.batchMinFileMib * 1024,
      maxFileSize: settings.fullLoadFileMib * 1024,
      // One folder per table: its names sort by time, which lets an idle table cost one request.
      datePartitionEnabled: false,
      preserveTransactions: false,
      ...(key === undefined
        ? { encryptionMode: 'SSE_S3' }
        : { encryptionMode: 'SSE_KMS', serverSideEncryptionKmsKeyId: key.keyArn }),
    },
  })
  endpoint.node.addDependency(role)
  return endpoint
}

/** What DMS asks for on a target in S3; it replaces and removes the files of a reloaded table. */
function addTargetRole(stack: Stack, { bucket, prefix }: Place): Role {
  const role = new Role(stack, 'TargetRole', {
    assumedBy: new ServicePrincipal('dms.amazonaws.com'),
    description: 'dmscdc: DMS writes the landing',
  })
  const statements = [
    new PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn] }),
    new PolicyStatement({
      actions: ['s3:PutObject', 's3:DeleteObject', 's3:PutObjectTagging'],
      resources: [bucket.arnForObjects(`${prefix}*`)],
    }),
  ]
  for (const statement of statements) role.addToPolicy(statement)
  bucket.encryptionKey?.grantEncryptDecrypt(role)
  acknowledge(
    role,
    {
      rule: 'AwsSolutions-IAM5',
      reason: 'DMS names the files that it writes; the role names the bucket and prefix that hold them.',
      appliesTo: [
        { regex: '/^Resource::(?:<[A-Za-z0-9]+\\.Arn>|arn:<AWS::Partition>:s3:::[a-z0-9.-]+)\\/(?:[^*]+\\/)?\\*$/' },
      ],
    },
    ...(bucket.encryptionKey === undefined
      ? []
      : [
          {
            rule: 'AwsSolutions-IAM5',
            reason: "KMS's own families of actions, on the landing's one key.",
            appliesTo: ['Action::kms:ReEncrypt*', 'Action::kms:GenerateDataKey*'],
          },
        ]),
  )
  return role
}
