import { Aws, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { AttributeType, BillingMode, type ITable, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb'
import { Key } from 'aws-cdk-lib/aws-kms'
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket, ObjectOwnership } from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'

/** A folder of a bucket, as the run is told of it: `s3://bucket/prefix/`. */
export type Place = {
  readonly bucket: IBucket
  readonly prefix: string
  readonly url: string
  /** The account that must own the bucket; null: not checked. */
  readonly owner: string | null
}

export type Lake = { readonly landing: Place; readonly lake: Place; readonly state: ITable }

/** What holds data and outlives every other stack: landing, lake, and the table of rows; each made here, or named where it exists. */
export function addLakeStack(app: Construct, deployment: Deployment): Lake {
  const stack = new Stack(app, 'Lake', {
    stackName: `${deployment.name}-lake`,
    description: 'dmscdc: landing, lake and the table of rows; holds data',
    terminationProtection: true,
  })
  const lake = {
    landing: place(stack, 'Landing', deployment.landing),
    lake: place(stack, 'Lake', deployment.lake),
    state: stateTable(stack, deployment.state),
  }
  new CfnOutput(stack, 'LandingUrl', { value: lake.landing.url, description: 'DMSCDC_LANDING' })
  new CfnOutput(stack, 'LakeUrl', { value: lake.lake.url, description: 'DMSCDC_LAKE' })
  new CfnOutput(stack, 'StateUrl', { value: `dynamodb://${lake.state.tableName}`, description: 'DMSCDC_STATE' })
  return lake
}

function place(stack: Stack, id: string, settings: Deployment['landing']): Place {
  const { prefix, ownerAccount } = settings
  const bucket = settings.bucket === null ? ownBucket(stack, id, settings) : existingBucket(stack, id, settings)
  return {
    bucket,
    prefix,
    url: `s3://${bucket.bucketName}/${prefix}`,
    owner: settings.bucket === null ? Aws.ACCOUNT_ID : ownerAccount,
  }
}

function ownBucket(stack: Stack, id: string, { kmsKeyArn }: Deployment['landing']): IBucket {
  const bucket = new Bucket(stack, id, {
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    ...(kmsKeyArn === null
      ? { encryption: BucketEncryption.S3_MANAGED }
      : {
          encryption: BucketEncryption.KMS,
          encryptionKey: Key.fromKeyArn(stack, `${id}Key`, kmsKeyArn),
          bucketKeyEnabled: true,
        }),
    lifecycleRules: [{ id: 'aborted-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) }],
    removalPolicy: RemovalPolicy.RETAIN,
  })
  acknowledge(bucket, {
    rule: 'AwsSolutions-S1',
    reason: "Every commit names the run that made it; who reads is for the account's CloudTrail data events to say.",
  })
  return bucket
}

function existingBucket(stack: Stack, id: string, { bucket, kmsKeyArn }: Deployment['landing']): IBucket {
  return Bucket.fromBucketAttributes(stack, id, {
    bucketName: bucket!,
    ...(kmsKeyArn === null ? {} : { encryptionKey: Key.fromKeyArn(stack, `${id}Key`, kmsKeyArn) }),
  })
}

function stateTable(stack: Stack, { tableName, existing }: Deployment['state']): ITable {
  if (existing) return Table.fromTableName(stack, 'State', tableName)
  return new Table(stack, 'State', {
    tableName,
    partitionKey: { name: 'path', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.DEFAULT,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  })
}
