import type { Stack } from 'aws-cdk-lib'
import type { Cluster, TaskDefinition } from 'aws-cdk-lib/aws-ecs'
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'
import type { Lake, Place } from './lake-stack.ts'

/**
 * What a run may do to landing, lake and rows: the requests that it makes, no others. Listing is granted without a prefix
 * as its condition: S3 answers 404 for a key that is missing only to who may list, and the run relies on that 404.
 */
export function grantLake(role: IRole, { mayRemoveLanded }: Deployment, { landing, lake, state }: Lake): void {
  const statements = [
    new PolicyStatement({ actions: ['s3:ListBucket'], resources: [landing.bucket.bucketArn, lake.bucket.bucketArn] }),
    new PolicyStatement({ actions: ['s3:GetObject'], resources: [objects(landing)] }),
    new PolicyStatement({
      actions: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
      resources: [objects(lake)],
    }),
    ...(mayRemoveLanded
      ? [
          new PolicyStatement({
            actions: ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'],
            resources: [landing.bucket.arnForObjects('*')],
          }),
        ]
      : []),
    new PolicyStatement({
      actions: [
        'dynamodb:DescribeTable',
        'dynamodb:GetItem',
        'dynamodb:PutItem',
        'dynamodb:Scan',
        'dynamodb:UpdateItem',
      ],
      resources: [state.tableArn],
    }),
  ]
  for (const statement of statements) role.addToPrincipalPolicy(statement)
  landing.bucket.encryptionKey?.grantDecrypt(role)
  lake.bucket.encryptionKey?.grantEncryptDecrypt(role)
  acknowledge(role, {
    rule: 'AwsSolutions-IAM5',
    reason: 'Objects come and go; the role names the bucket and prefix that hold them.',
    appliesTo: [
      { regex: '/^Resource::(?:<[A-Za-z0-9]+\\.Arn>|arn:<AWS::Partition>:s3:::[a-z0-9.-]+)\\/(?:[^*]+\\/)?\\*$/' },
    ],
  })
  if (lake.bucket.encryptionKey !== undefined)
    acknowledge(role, {
      rule: 'AwsSolutions-IAM5',
      reason: "KMS's own families of actions, on the lake's one key.",
      appliesTo: ['Action::kms:ReEncrypt*', 'Action::kms:GenerateDataKey*'],
    })
}

/** What publishing into the Glue Data Catalog needs, for the databases that are named; nothing if none is. */
export function grantCatalog(stack: Stack, role: IRole, databases: readonly string[]): void {
  if (databases.length === 0) return
  const glue = (resource: string) => stack.formatArn({ service: 'glue', resource })
  role.addToPrincipalPolicy(
    new PolicyStatement({
      actions: [
        ...['glue:CreateDatabase', 'glue:CreateTable', 'glue:DeleteTable', 'glue:GetTable', 'glue:UpdateTable'],
        ...[
          'glue:BatchCreatePartition',
          'glue:BatchDeletePartition',
          'glue:BatchUpdatePartition',
          'glue:GetPartitions',
        ],
      ],
      resources: [
        glue('catalog'),
        ...databases.flatMap((database) => [glue(`database/${database}`), glue(`table/${database}/*`)]),
      ],
    }),
  )
  acknowledge(role, {
    rule: 'AwsSolutions-IAM5',
    reason: 'The tables of a database are those of the lake; the role names the database.',
    appliesTo: [{ regex: '/^Resource::arn:<AWS::Partition>:glue:[^*]*:table\\/[^*/]+\\/\\*$/' }],
  })
}

/** Starting this task in this cluster, by the revisions that are given, with its two roles; watching and stopping the cluster's tasks. */
export function taskStatements(
  { cluster, definition }: { readonly cluster: Cluster; readonly definition: TaskDefinition },
  revisionsArn: string,
): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: ['ecs:RunTask'],
      resources: [revisionsArn],
      conditions: { ArnEquals: { 'ecs:cluster': cluster.clusterArn } },
    }),
    new PolicyStatement({ actions: ['ecs:DescribeTasks', 'ecs:StopTask'], resources: [cluster.arnForTasks('*')] }),
    new PolicyStatement({
      actions: ['iam:PassRole'],
      resources: [definition.taskRole.roleArn, definition.obtainExecutionRole().roleArn],
      conditions: { StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' } },
    }),
  ]
}

const objects = ({ bucket, prefix }: Place) => bucket.arnForObjects(`${prefix}*`)
