import { CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import {
  Cluster,
  ContainerImage,
  ContainerInsights,
  CpuArchitecture,
  FargateTaskDefinition,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs'
import { LogGroup } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'
import { addAlarms } from './alarms.ts'
import { addDashboard } from './dashboard.ts'
import { dispatchVariables, grantDispatch } from './dispatch.ts'
import { imageRoot } from './image-root.ts'
import type { Lake } from './lake-stack.ts'
import type { Network } from './network-stack.ts'
import { grantCatalog, grantLake } from './run-grants.ts'
import { addTrigger } from './trigger.ts'

/** What the launcher needs to know of the task. */
export type RunTask = {
  readonly cluster: Cluster
  readonly definition: FargateTaskDefinition
  readonly container: string
  readonly logGroup: LogGroup
  readonly logPrefix: string
}

type Given = { readonly deployment: Deployment; readonly network: Network; readonly lake: Lake }

/** The run: the task, the Glue trigger and job that start it, its alarms and dashboard. Holds no data; deploy it as often as you like. */
export function addRunStack(app: Construct, given: Given): void {
  const { deployment, network } = given
  const stack = new Stack(app, 'Run', {
    stackName: `${deployment.name}-run`,
    description: 'dmscdc: the task, the Glue trigger that starts it, alarms',
  })
  const task = addTask(stack, given)
  const jobName = addTrigger(stack, { deployment, network, task })
  addAlarms(stack, { deployment, jobName })
  addDashboard(stack, { deployment, logGroup: task.logGroup })
  new CfnOutput(stack, 'JobName', { value: jobName, description: 'aws glue start-job-run --job-name …' })
  new CfnOutput(stack, 'LogGroupName', { value: task.logGroup.logGroupName, description: 'aws logs tail …' })
}

function addTask(stack: Stack, { deployment, network, lake }: Given): RunTask {
  const { name, task } = deployment
  const cluster = new Cluster(stack, 'Cluster', {
    clusterName: name,
    vpc: network.vpc,
    containerInsightsV2: ContainerInsights.DISABLED,
  })
  acknowledge(cluster, {
    rule: 'AwsSolutions-ECS4',
    reason: "One task runs for minutes; its receipt and metrics say more than the insights' charged ones.",
  })
  const logGroup = new LogGroup(stack, 'RunLog', {
    logGroupName: `/${name}/run`,
    retention: task.logRetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  const definition = new FargateTaskDefinition(stack, 'Task', {
    family: name,
    cpu: task.cpuUnits,
    memoryLimitMiB: task.memoryMib,
    ephemeralStorageGiB: task.ephemeralStorageGib,
    runtimePlatform: { cpuArchitecture: CpuArchitecture.ARM64, operatingSystemFamily: OperatingSystemFamily.LINUX },
    volumes: [{ name: 'work' }],
  })
  const environment = { ...environmentOf(deployment, lake), ...dispatchVariables({ deployment, network, cluster }) }
  addContainer(definition, { name, environment, logGroup })
  grantLake(definition.taskRole, deployment, lake)
  grantCatalog(stack, definition.taskRole, deployment.glueDatabases)
  grantDispatch(stack, { deployment, cluster, definition })
  acknowledgeTask(definition)
  return { cluster, definition, container: name, logGroup, logPrefix: 'run' }
}

/** The image's user owns /work, and an empty volume takes that over; everything else of the file system is read-only. */
function addContainer(
  definition: FargateTaskDefinition,
  { name, environment, logGroup }: { name: string; environment: Record<string, string>; logGroup: LogGroup },
): void {
  const container = definition.addContainer(name, {
    image: ContainerImage.fromAsset(imageRoot, { file: 'infra/Dockerfile', platform: Platform.LINUX_ARM64 }),
    command: ['run'],
    user: '1000:1000',
    readonlyRootFilesystem: true,
    environment,
    logging: LogDrivers.awsLogs({ logGroup, streamPrefix: 'run' }),
    stopTimeout: Duration.seconds(120),
  })
  container.addMountPoints({ containerPath: '/work', sourceVolume: 'work', readOnly: false })
}

function environmentOf(
  { task, lake: { kmsKeyArn } }: Deployment,
  { landing, lake, state }: Lake,
): Record<string, string> {
  return {
    DMSCDC_LANDING: landing.url,
    DMSCDC_LAKE: lake.url,
    DMSCDC_STATE: `dynamodb://${state.tableName}`,
    // The rest is for Node, and for the engine's few megabytes that it does not count.
    DMSCDC_MEMORY: `${Math.floor(task.memoryMib * 0.75)}MiB`,
    DMSCDC_TEMP: '/work',
    DMSCDC_METRICS: 'emf',
    ...(task.concurrency === null ? {} : { DMSCDC_CONCURRENCY: String(task.concurrency) }),
    ...(landing.owner === null ? {} : { DMSCDC_LANDING_OWNER: landing.owner }),
    ...(lake.owner === null ? {} : { DMSCDC_LAKE_OWNER: lake.owner }),
    ...(kmsKeyArn === null ? {} : { DMSCDC_KMS_KEY: kmsKeyArn }),
  }
}

function acknowledgeTask(definition: FargateTaskDefinition): void {
  acknowledge(definition, {
    rule: 'AwsSolutions-ECS2',
    reason: "The environment holds places and limits, no secret; the task's role is all it needs.",
  })
  acknowledge(definition.obtainExecutionRole(), {
    rule: 'AwsSolutions-IAM5',
    reason: 'ecr:GetAuthorizationToken has no resource to name.',
    appliesTo: ['Resource::*'],
  })
}
