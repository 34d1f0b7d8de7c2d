import {
  BatchStopJobRunCommand,
  GetJobRunCommand,
  GlueClient,
  type GlueClientConfig,
  type JobRun,
  StartJobRunCommand,
} from '@aws-sdk/client-glue'
import type { Clock } from '../clock.ts'
import { type TableId, tableName } from '../domain.ts'
import { DmscdcError } from '../errors.ts'
import { awsError, awsErrorName } from './aws-error.ts'
import type { Elsewhere, ElsewhereEnd } from './dispatcher.ts'

export type GlueWorld = {
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>
  readonly client?: GlueClientConfig
  readonly times?: Partial<Times>
}

type Times = { readonly pollMs: number; readonly startMs: number }

/** `startMs`: for how long a free run of the job is waited for, and how long it may take to start besides the deadline. */
const usualTimes: Times = { pollMs: 15_000, startMs: 30 * 60_000 }
const failuresMax = 10

/** A run of one Glue job per table, which gets the table's name as `--item`, as the original's job did. */
export function glueJobs(jobName: string, world: GlueWorld): Elsewhere {
  const times = { ...usualTimes, ...world.times }
  const client = new GlueClient({
    maxAttempts: 8,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: 30_000, throwOnRequestTimeout: true },
    ...world.client,
  })
  const glue: Glue = { client, jobName, clock: world.clock, times }
  return {
    what: 'Glue job run',
    async runTable(id, deadlineMs) {
      const runId = await startRun(glue, id)
      const ended = await endedRun(glue, runId, world.clock.nowMs() + deadlineMs + times.startMs)
      if (ended === null) throw await stopLate(glue, runId)
      return endOf(runId, ended)
    },
  }
}

type Glue = {
  readonly client: GlueClient
  readonly jobName: string
  readonly clock: GlueWorld['clock']
  readonly times: Times
}

/** The job says how many of its runs there may be at once; the others wait here for their turn. */
async function startRun({ client, jobName, clock, times }: Glue, id: TableId): Promise<string> {
  const givenUpAtMs = clock.nowMs() + times.startMs
  for (;;) {
    try {
      const command = new StartJobRunCommand({ JobName: jobName, Arguments: { '--item': tableName(id) } })
      return (await client.send(command)).JobRunId ?? ''
    } catch (thrown) {
      if (!isFull(thrown)) throw jobError(thrown, `StartJobRun ${jobName}`, 'glue:StartJobRun')
      if (clock.nowMs() + times.pollMs > givenUpAtMs) throw stillFull(jobName, thrown)
      await clock.sleep(times.pollMs)
    }
  }
}

function isFull(thrown: unknown): boolean {
  return ['ConcurrentRunsExceededException', 'ResourceNumberLimitExceededException'].includes(awsErrorName(thrown))
}

async function endedRun(
  { client, jobName, clock, times }: Glue,
  runId: string,
  untilMs: number,
): Promise<JobRun | null> {
  for (let failures = 0; clock.nowMs() < untilMs; ) {
    await clock.sleep(times.pollMs)
    try {
      const { JobRun } = await client.send(new GetJobRunCommand({ JobName: jobName, RunId: runId }))
      if (JobRun !== undefined && endStates.includes(JobRun.JobRunState ?? '')) return JobRun
      failures = 0
    } catch (thrown) {
      const error = jobError(thrown, `GetJobRun ${jobName} ${runId}`, 'glue:GetJobRun')
      if (error.kind === 'invalid-config' || ++failures >= failuresMax) throw error
    }
  }
  return null
}

const endStates: readonly string[] = ['SUCCEEDED', 'FAILED', 'STOPPED', 'TIMEOUT', 'ERROR', 'EXPIRED']

/** Glue has no exit codes: a job that failed is one that did not exit with 0. */
function endOf(runId: string, { JobRunState, ErrorMessage }: JobRun): ElsewhereEnd {
  const exitCode = JobRunState === 'SUCCEEDED' ? 0 : JobRunState === 'FAILED' ? 1 : null
  const reason = [JobRunState === 'SUCCEEDED' ? '' : JobRunState, ErrorMessage].filter((part) => part).join(': ')
  return { exitCode, reason, name: runId }
}

async function stopLate({ client, jobName }: Glue, runId: string): Promise<DmscdcError> {
  const stop = new BatchStopJobRunCommand({ JobName: jobName, JobRunIds: [runId] })
  const stopped = await client.send(stop).then(
    ({ Errors = [] }) =>
      Errors.length === 0 ? 'it was stopped' : `it could not be stopped: ${Errors[0]?.ErrorDetail?.ErrorMessage ?? ''}`,
    (thrown: unknown) => `it could not be stopped: ${String(thrown)}`,
  )
  return new DmscdcError('unavailable', `Glue job run ${runId} took longer than the deadline; ${stopped}`, {
    hint: 'run again: the next run goes on from the last commit. If it comes back, give more time with --deadline',
  })
}

function jobError(thrown: unknown, subject: string, action: string): DmscdcError {
  return awsError(thrown, { subject, hint: `check DMSCDC_GLUE_JOB and the role of this process: it needs ${action}` })
}

function stillFull(jobName: string, cause: unknown): DmscdcError {
  return new DmscdcError(
    'unavailable',
    `StartJobRun ${jobName}: as many runs as the job may have are still under way`,
    {
      hint: `run again later, or raise the maximum concurrency of the job ${jobName}`,
      cause,
    },
  )
}
