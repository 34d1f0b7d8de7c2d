import { DescribeTasksCommand, type ECSClient, type Task } from '@aws-sdk/client-ecs'
import type { Clock } from '../clock.ts'
import { DmscdcError } from '../errors.ts'
import { awsError } from './aws-error.ts'

export type TaskWatch = {
  /** The task when it has stopped; null when it has not by then. Throws where it is lost sight of. */
  stopped(arn: string, untilMs: number): Promise<Task | null>
}

export type WatchOptions = {
  readonly cluster: string
  readonly pollMs: number
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>
}

type Watched = {
  readonly untilMs: number
  missing: number
  readonly resolve: (task: Task | null) => void
  readonly reject: (error: DmscdcError) => void
}

const tasksPerCall = 100
/** A task that was just started may be unknown for a moment; one that stopped over an hour ago is forgotten. */
const missingMax = 12
const failuresMax = 10

/** One loop for all tasks, so that a hundred of them cost one call, not a hundred. It runs while there are any. */
export function taskWatch(client: ECSClient, options: WatchOptions): TaskWatch {
  const { cluster, pollMs, clock } = options
  const watched = new Map<string, Watched>()
  let looping = false
  let failures = 0

  const settle = (arn: string, end: (one: Watched) => void) => {
    const one = watched.get(arn)
    watched.delete(arn)
    if (one !== undefined) end(one)
  }
  const look = async (arns: readonly string[]) => {
    const { tasks = [], failures: missing = [] } = await client.send(
      new DescribeTasksCommand({ cluster, tasks: [...arns] }),
    )
    for (const task of tasks)
      if (task.lastStatus === 'STOPPED') settle(task.taskArn ?? '', ({ resolve }) => resolve(task))
    for (const { arn = '', reason = '' } of missing) {
      const one = watched.get(arn)
      if (one !== undefined && ++one.missing >= missingMax) settle(arn, ({ reject }) => reject(lostSight(arn, reason)))
    }
  }
  const lookAtAll = async () => {
    const arns = [...watched.keys()]
    try {
      for (let at = 0; at < arns.length; at += tasksPerCall) await look(arns.slice(at, at + tasksPerCall))
      failures = 0
    } catch (thrown) {
      const error = awsError(thrown, {
        subject: `DescribeTasks in ${cluster}`,
        hint: 'the role needs ecs:DescribeTasks',
      })
      if (error.kind === 'invalid-config' || ++failures >= failuresMax)
        for (const arn of arns) settle(arn, ({ reject }) => reject(error))
    }
    for (const [arn, { untilMs }] of watched) if (clock.nowMs() >= untilMs) settle(arn, ({ resolve }) => resolve(null))
  }
  const loop = async () => {
    looping = true
    while (watched.size > 0) {
      await clock.sleep(pollMs)
      await lookAtAll()
    }
    looping = false
  }

  return {
    stopped: (arn, untilMs) =>
      new Promise((resolve, reject) => {
        watched.set(arn, { untilMs, missing: 0, resolve, reject })
        if (!looping) void loop()
      }),
  }
}

function lostSight(arn: string, reason: string): DmscdcError {
  return new DmscdcError(
    'unavailable',
    `ECS task ${arn.split('/').at(-1) ?? ''} is unknown to DescribeTasks: ${reason}`,
    {
      hint: 'read its log, and run again',
    },
  )
}
