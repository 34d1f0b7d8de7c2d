import { createHash } from 'node:crypto'
import {
  DescribeTaskDefinitionCommand,
  ECSClient,
  type ECSClientConfig,
  type Failure,
  RunTaskCommand,
  StopTaskCommand,
  type Task,
} from '@aws-sdk/client-ecs'
import pLimit, { type LimitFunction } from 'p-limit'
import type { Clock } from '../clock.ts'
import type { EcsPlace } from '../config.ts'
import { type TableId, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { awsError } from './aws-error.ts'
import type { Elsewhere, ElsewhereEnd } from './dispatcher.ts'
import { type TaskWatch, taskWatch } from './ecs-task-watch.ts'

export type EcsWorld = {
  /** Of the cycle: with the table it makes the client token, so that no answer that is lost starts a second task. */
  readonly runId: string
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>
  readonly client?: ECSClientConfig
  readonly times?: Partial<Times>
}

type Times = { readonly pollMs: number; readonly capacityPauseMs: number; readonly startMs: number }

/** `startMs`: for how long capacity is waited for, and how long an image may take to start besides the deadline. */
const usualTimes: Times = { pollMs: 10_000, capacityPauseMs: 15_000, startMs: 15 * 60_000 }
const capacityPauseMsMax = 120_000

/** A Fargate task per table; only the command, with the table's name in it, is not the task definition's own. */
export function ecsTasks(settings: EcsPlace, world: EcsWorld): Elsewhere {
  const times = { ...usualTimes, ...world.times }
  const client = new ECSClient({
    maxAttempts: 8,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
    ...world.client,
  })
  const ecs: Ecs = {
    client,
    settings,
    world,
    times,
    watch: taskWatch(client, { ...settings, ...times, clock: world.clock }),
  }
  let slots: Promise<LimitFunction> | null = null
  return {
    what: 'ECS task',
    async runTable(id, deadlineMs) {
      slots ??= slotsWithin(ecs)
      const limit = await slots
      return limit(() => runTask(ecs, id, deadlineMs))
    },
  }
}

type Ecs = {
  readonly client: ECSClient
  readonly settings: EcsPlace
  readonly world: EcsWorld
  readonly times: Times
  readonly watch: TaskWatch
}

/** So many tasks at once as the budget bears of the size that the task definition has; at least one. */
async function slotsWithin({ client, settings }: Ecs): Promise<LimitFunction> {
  const { vcpuBudget, taskDefinition } = settings
  if (vcpuBudget === null) return pLimit(Number.POSITIVE_INFINITY)
  const described = await send(`DescribeTaskDefinition ${taskDefinition}`, 'ecs:DescribeTaskDefinition', () =>
    client.send(new DescribeTaskDefinitionCommand({ taskDefinition })),
  )
  const taskVcpus = Number(described.taskDefinition?.cpu ?? 1024) / 1024
  return pLimit(Math.max(1, Math.floor(vcpuBudget / taskVcpus)))
}

async function runTask(ecs: Ecs, id: TableId, deadlineMs: number): Promise<ElsewhereEnd> {
  const { clock } = ecs.world
  const givenUpAtMs = clock.nowMs() + ecs.times.startMs
  for (let attempt = 1; ; attempt++) {
    const end = await tryTask(ecs, id, { attempt, deadlineMs })
    if ('exitCode' in end) return end
    const pauseMs = Math.min(capacityPauseMsMax, ecs.times.capacityPauseMs * 2 ** (attempt - 1))
    if (clock.nowMs() + pauseMs > givenUpAtMs) throw noCapacity(ecs, end.noCapacity, attempt)
    await clock.sleep(pauseMs)
  }
}

type NoCapacity = { readonly noCapacity: string }

async function tryTask(
  ecs: Ecs,
  id: TableId,
  { attempt, deadlineMs }: { readonly attempt: number; readonly deadlineMs: number },
): Promise<ElsewhereEnd | NoCapacity> {
  const started = await startTask(ecs, id, attempt)
  if ('noCapacity' in started) return started
  const { clock } = ecs.world
  const stopped = await ecs.watch.stopped(started.arn, clock.nowMs() + deadlineMs + ecs.times.startMs)
  if (stopped === null) throw await stopLate(ecs, started.arn)
  const end = endOf(stopped, ecs.settings.container)
  return end.exitCode === null && isCapacity(end.reason) ? { noCapacity: end.reason } : end
}

/** RunTask answers 200 with `failures` where it started nothing. */
async function startTask(ecs: Ecs, id: TableId, attempt: number): Promise<{ readonly arn: string } | NoCapacity> {
  const { client, settings, world } = ecs
  const { cluster, taskDefinition, container, subnets, securityGroups, publicIp } = settings
  const command = new RunTaskCommand({
    cluster,
    taskDefinition,
    launchType: 'FARGATE',
    count: 1,
    clientToken: createHash('sha256')
      .update(JSON.stringify([world.runId, id, attempt]))
      .digest('hex'),
    startedBy: `dmscdc/${world.runId}`,
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [...subnets],
        securityGroups: [...securityGroups],
        assignPublicIp: publicIp ? 'ENABLED' : 'DISABLED',
      },
    },
    overrides: { containerOverrides: [{ name: container, command: ['run', '--table', tableName(id)] }] },
  })
  try {
    const { tasks = [], failures = [] } = await client.send(command)
    const arn = tasks[0]?.taskArn
    if (arn !== undefined) return { arn }
    const reason = failures.map(failureText).join('; ')
    if (isCapacity(reason)) return { noCapacity: reason }
    throw notStarted(settings, reason)
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : ''
    if (!(thrown instanceof DmscdcError) && isCapacity(message)) return { noCapacity: message }
    throw awsError(thrown, {
      subject: `RunTask ${taskDefinition} in ${cluster}`,
      hint: rightsHint('ecs:RunTask and iam:PassRole'),
    })
  }
}

/** As AWS words what passes: no capacity now, or a limit on tasks that run at once. */
function isCapacity(reason: string): boolean {
  return /capacity is unavailable|RESOURCE:|reached the limit|vCPU limit|concurrently|throttl/iu.test(reason)
}

function endOf(task: Task, containerName: string): ElsewhereEnd {
  const container = (task.containers ?? []).find(({ name }) => name === containerName)
  const reasons = [task.stoppedReason, container?.reason].filter((reason) => reason !== undefined && reason !== '')
  return {
    exitCode: container?.exitCode ?? null,
    reason: reasons.join('; '),
    name: task.taskArn?.split('/').at(-1) ?? '',
  }
}

async function stopLate({ client, settings }: Ecs, arn: string): Promise<DmscdcError> {
  const stop = new StopTaskCommand({ cluster: settings.cluster, task: arn, reason: 'dmscdc: deadline of the table' })
  const stopped = await client.send(stop).then(
    () => 'it was stopped',
    (thrown: unknown) => `it could not be stopped: ${String(thrown)}`,
  )
  return new DmscdcError(
    'unavailable',
    `ECS task ${arn.split('/').at(-1) ?? ''} took longer than the deadline; ${stopped}`,
    {
      hint: 'run again: the next run goes on from the last commit. If it comes back, give more time with --deadline',
    },
  )
}

async function send<T>(subject: string, action: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (thrown) {
    throw awsError(thrown, { subject, hint: rightsHint(action) })
  }
}

function notStarted({ taskDefinition, cluster }: EcsPlace, reason: string): DmscdcError {
  return new DmscdcError('invalid-config', `RunTask ${taskDefinition} in ${cluster}: started nothing: ${reason}`, {
    hint: 'check DMSCDC_ECS_CLUSTER, DMSCDC_ECS_TASK_DEFINITION, DMSCDC_ECS_SUBNETS and DMSCDC_ECS_SECURITY_GROUPS',
  })
}

function noCapacity({ settings }: Ecs, reason: string, attempts: number): DmscdcError {
  return new DmscdcError(
    'unavailable',
    `RunTask ${settings.taskDefinition}: no capacity in ${String(attempts)} tries: ${reason}`,
    {
      hint: 'run again later, ask for a higher vCPU quota of Fargate, or lower --vcpu-budget',
    },
  )
}

function failureText({ arn, reason, detail }: Failure): string {
  return [reason, detail, arn].filter((part) => part !== undefined && part !== '').join(' ')
}

function rightsHint(actions: string): string {
  return `check DMSCDC_ECS_CLUSTER, DMSCDC_ECS_TASK_DEFINITION and the role of this process: it needs ${actions}`
}
