import { afterEach, describe, expect } from 'vitest'
import { systemClock } from '../src/clock.ts'
import type { EcsPlace } from '../src/config.ts'
import type { Elsewhere } from '../src/dispatch/dispatcher.ts'
import { ecsTasks } from '../src/dispatch/ecs-tasks.ts'
import { withElsewhere } from '../src/dispatch/elsewhere.ts'
import { glueJobs } from '../src/dispatch/glue-jobs.ts'
import { parseTableName, type TableId } from '../src/domain.ts'
import { type Answer, type AwsJsonStub, type Input, startAwsJsonStub } from './support/aws-json-stub.ts'
import type { Lab } from './support/lab.ts'
import { rowsOf, test } from './support/lab-test.ts'

const orders = { schema: 'sales', table: 'orders' }
const times = { pollMs: 5, capacityPauseMs: 5, startMs: 300 }
const clock = systemClock
const settings: EcsPlace = {
  cluster: 'dmscdc',
  taskDefinition: 'dmscdc:7',
  container: 'dmscdc',
  subnets: ['subnet-1', 'subnet-2'],
  securityGroups: ['sg-1'],
  publicIp: false,
  vcpuBudget: null,
}

let stub: AwsJsonStub | null = null
afterEach(async () => {
  await stub?.stop()
  stub = null
})

/** Tasks as ECS has them: pending, running, then stopped as `ends` says of the n-th. */
function ecsService(
  ends: (at: number, input: Input) => Partial<EcsTask> | Promise<Partial<EcsTask>>,
  first: readonly Answer[] = [],
) {
  const [answers, tasks, byToken] = [[...first], new Map<string, EcsTask>(), new Map<string, string>()]
  return {
    RunTask: (input: Input): Answer => {
      const arn = byToken.get(input.clientToken) ?? `arn:aws:ecs:eu-west-1:1:task/dmscdc/${String(tasks.size)}`
      const answer = answers[0]
      if (answer !== undefined && !('lost' in answer)) return answers.shift() as Answer
      if (!tasks.has(arn)) {
        tasks.set(arn, { taskArn: arn, lastStatus: 'PENDING', containers: [{ name: 'dmscdc' }] })
        byToken.set(input.clientToken, arn)
        const at = tasks.size - 1
        setTimeout(async () => {
          tasks.set(arn, { ...(tasks.get(arn) as EcsTask), lastStatus: 'RUNNING' })
          const end = await ends(at, input)
          tasks.set(arn, { ...(tasks.get(arn) as EcsTask), ...end })
        }, 10)
      }
      return answers.shift() ?? { body: { tasks: [tasks.get(arn)], failures: [] } }
    },
    DescribeTasks: ({ tasks: arns }: Input): Answer => ({
      body: {
        tasks: arns.flatMap((arn: string) => tasks.get(arn) ?? []),
        failures: arns.filter((arn: string) => !tasks.has(arn)).map((arn: string) => ({ arn, reason: 'MISSING' })),
      },
    }),
    StopTask: (): Answer => ({ body: {} }),
    DescribeTaskDefinition: (): Answer => ({ body: { taskDefinition: { cpu: '4096', memory: '16384' } } }),
    tasks,
  }
}

type EcsTask = {
  readonly taskArn: string
  readonly lastStatus: string
  readonly stopCode?: string
  readonly stoppedReason?: string
  readonly containers: readonly { readonly name: string; readonly exitCode?: number; readonly reason?: string }[]
}

const exited = (exitCode: number): Partial<EcsTask> => ({
  lastStatus: 'STOPPED',
  stopCode: 'EssentialContainerExited',
  stoppedReason: 'Essential container in task exited',
  containers: [
    { name: 'sidecar', exitCode: 9 },
    { name: 'dmscdc', exitCode },
  ],
})
const notStarted = (stoppedReason: string): Partial<EcsTask> => ({
  ...{ lastStatus: 'STOPPED', stopCode: 'TaskFailedToStart', stoppedReason, containers: [{ name: 'dmscdc' }] },
})
const refusal = (reason: string): Answer => ({ body: { tasks: [], failures: [{ arn: 'arn', reason }] } })

async function ecs(service: ReturnType<typeof ecsService>, changed: Partial<EcsPlace> = {}): Promise<Elsewhere> {
  const { tasks: _, ...operations } = service
  stub = await startAwsJsonStub(operations)
  return ecsTasks({ ...settings, ...changed }, { runId: '01RUN', clock, client: stub.client, times })
}

describe('an ECS task per table', () => {
  test('gets the table’s name and nothing else over its definition, and its exit code comes back', async () => {
    const tasks = await ecs(ecsService(() => exited(1)))
    expect(await tasks.runTable({ schema: 'my.schema', table: 'orders' }, 1_000)).toEqual({
      exitCode: 1,
      reason: 'Essential container in task exited',
      name: '0',
    })
    expect(stub?.seen[0]?.input).toEqual({
      cluster: 'dmscdc',
      taskDefinition: 'dmscdc:7',
      launchType: 'FARGATE',
      count: 1,
      clientToken: expect.stringMatching(/^[0-9a-f]{64}$/u),
      startedBy: 'dmscdc/01RUN',
      networkConfiguration: {
        awsvpcConfiguration: { subnets: settings.subnets, securityGroups: ['sg-1'], assignPublicIp: 'DISABLED' },
      },
      overrides: { containerOverrides: [{ name: 'dmscdc', command: ['run', '--table', '"my.schema".orders'] }] },
    })
  })

  test('is started once although the answer was lost, throttled or an error of the server', async () => {
    const throttled = { error: 'ThrottlingException', message: 'Rate exceeded' }
    const service = ecsService(() => exited(0), [throttled, { error: 'ServerException', status: 500 }, { lost: true }])
    expect((await (await ecs(service)).runTable(orders, 1_000)).exitCode).toBe(0)
    expect([stub?.count('RunTask'), service.tasks.size]).toEqual([4, 1])
    expect(
      new Set(stub?.seen.filter(({ operation }) => operation === 'RunTask').map(({ input }) => input.clientToken)).size,
    ).toBe(1)
  })

  test('waits for capacity, wherever AWS says that there is none', async () => {
    const limit = {
      error: 'ClientException',
      message: 'You’ve reached the limit on the number of vCPUs you can run concurrently',
    }
    const none = 'Capacity is unavailable at this time. Please try again later or in a different availability zone'
    const service = ecsService((at) => (at === 0 ? notStarted(none) : exited(0)), [refusal(none), limit])
    expect((await (await ecs(service)).runTable(orders, 1_000)).exitCode).toBe(0)
    const tokens = stub?.seen.filter(({ operation }) => operation === 'RunTask').map(({ input }) => input.clientToken)
    expect(new Set(tokens).size).toBe(4)
  })

  test('says when there never was capacity, or that something else keeps tasks from starting', async () => {
    const never = ecsService(() => exited(0), Array(100).fill(refusal('RESOURCE:FARGATE')))
    await expect((await ecs(never)).runTable(orders, 1_000)).rejects.toMatchObject({
      kind: 'unavailable',
      hint: expect.stringContaining('quota'),
    })
    await stub?.stop()
    const wrong = ecsService(() => exited(0), [{ error: 'ClusterNotFoundException', message: 'Cluster not found.' }])
    await expect((await ecs(wrong)).runTable(orders, 1_000)).rejects.toMatchObject({
      kind: 'invalid-config',
      message: 'RunTask dmscdc:7 in dmscdc: ClusterNotFoundException: Cluster not found.',
    })
    await stub?.stop()
    const inactive = ecsService(() => exited(0), [refusal('INACTIVE')])
    await expect((await ecs(inactive)).runTable(orders, 1_000)).rejects.toMatchObject({ kind: 'invalid-config' })
  })

  test('has no exit code where it failed to start, and then the reason', async () => {
    const tasks = await ecs(
      ecsService(() => notStarted('CannotPullContainerError: pull image manifest has been retried')),
    )
    expect(await tasks.runTable(orders, 1_000)).toMatchObject({
      exitCode: null,
      reason: expect.stringContaining('CannotPull'),
    })
  })

  test('is stopped when it runs past the deadline', async () => {
    const tasks = await ecs(ecsService(() => new Promise(() => {})))
    await expect(tasks.runTable(orders, 50)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('deadline; it was stopped'),
    })
    expect(stub?.count('StopTask')).toBe(1)
  })

  test('costs one DescribeTasks for a hundred, and stays within the vCPU budget', async () => {
    let [running, most] = [0, 0]
    const service = ecsService(async () => {
      most = Math.max(most, ++running)
      await clock.sleep(20)
      running--
      return exited(0)
    })
    const tasks = await ecs(service, { vcpuBudget: 10 })
    await Promise.all(Array.from({ length: 6 }, (_, at) => tasks.runTable({ schema: 's', table: String(at) }, 1_000)))
    expect(most).toBe(2)
    await stub?.stop()
    const many = await ecs(ecsService(() => exited(0)))
    await Promise.all(Array.from({ length: 150 }, (_, at) => many.runTable({ schema: 's', table: String(at) }, 5_000)))
    const sizes =
      stub?.seen.flatMap(({ operation, input }) => (operation === 'DescribeTasks' ? input.tasks.length : [])) ?? []
    expect(Math.max(...sizes)).toBeLessThanOrEqual(100)
    expect(sizes.length).toBeLessThan(40)
  })
})

const running: Answer = { body: { JobRun: { JobRunState: 'RUNNING' } } }
const ended = (JobRunState: string, ErrorMessage?: string): Answer => ({
  body: { JobRun: { JobRunState, ErrorMessage } },
})

async function glue(starts: readonly Answer[], looks: readonly Answer[]): Promise<Elsewhere> {
  const [left, states] = [[...starts], [...looks]]
  stub = await startAwsJsonStub({
    StartJobRun: () => left.shift() ?? { body: { JobRunId: 'jr_1' } },
    GetJobRun: () => states.shift() ?? running,
    BatchStopJobRun: () => ({ body: { Errors: [{ ErrorDetail: { ErrorMessage: 'too late' } }] } }),
  })
  return glueJobs('dmscdc-table', { clock, client: stub.client, times })
}

describe('a Glue job run per table', () => {
  test('gets the table as --item, and ends as the job run ends', async () => {
    for (const [state, exitCode] of [
      ['SUCCEEDED', 0],
      ['FAILED', 1],
      ['TIMEOUT', null],
      ['STOPPED', null],
    ] as const) {
      const jobs = await glue([], [running, { error: 'InternalServiceException', status: 500 }, running, ended(state)])
      expect(await jobs.runTable(orders, 1_000)).toMatchObject({ exitCode, name: 'jr_1' })
      expect(stub?.seen[0]).toEqual({
        operation: 'StartJobRun',
        input: { JobName: 'dmscdc-table', Arguments: { '--item': 'sales.orders' } },
      })
      await stub?.stop()
    }
  })

  test('waits for its turn where the job may have no more runs at once', async () => {
    const full = { error: 'ConcurrentRunsExceededException', message: 'Concurrent runs exceeded for dmscdc-table' }
    expect((await (await glue([full, full], [ended('SUCCEEDED')])).runTable(orders, 1_000)).exitCode).toBe(0)
    await stub?.stop()
    const never = await glue(Array(200).fill(full), [])
    await expect(never.runTable(orders, 1_000)).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('still under way'),
    })
  })

  test('names a job that is not there, and stops a run that is past the deadline', async () => {
    const missing = await glue([{ error: 'EntityNotFoundException', message: 'Failed to start job run' }], [])
    await expect(missing.runTable(orders, 1_000)).rejects.toMatchObject({
      kind: 'invalid-config',
      hint: expect.stringContaining('DMSCDC_GLUE_JOB'),
    })
    await stub?.stop()
    const endless = await glue([], [])
    await expect(endless.runTable(orders, 10)).rejects.toMatchObject({
      message: expect.stringContaining('could not be stopped: too late'),
    })
  })
})

describe('a cycle that hands large tables over', () => {
  const types = { Op: 'varchar', id: 'bigint', v: 'varchar' }
  const small = rowsOf(types, [['I', 1, 'a']])
  const large = `select 'I' as "Op", range as id, md5(range::varchar) as v from range(2000)`

  async function cycle(lab: Lab, runTable: (id: TableId) => Promise<{ exitCode: number | null; reason: string }>) {
    const ran: string[] = []
    const elsewhere: Elsewhere = {
      what: 'ECS task',
      async runTable(id) {
        ran.push(id.table)
        return { name: 'task-1', ...(await runTable(id)) }
      },
    }
    const options = { concurrency: 2, memoryBytes: 1e9, deadlineMs: 60_000, elsewhere, aboveBytes: 10_000 }
    return { tables: await lab.run({ dispatcher: withElsewhere(lab.ports, options) }), ran }
  }

  async function onboard(lab: Lab): Promise<void> {
    await lab.land('s/large/LOAD00000001.parquet', large)
    await lab.land('s/small/LOAD00000001.parquet', small)
    await lab.run()
    await lab.set('s.*', { active: true, primaryKey: 'id' })
  }

  test('reports what became of them from the log, and works on small and idle ones itself', async ({ lab }) => {
    await onboard(lab)
    const there = async (id: TableId) => ({ exitCode: (await lab.run({ tables: [id] }))[0]?.error ? 1 : 0, reason: '' })
    const first = await cycle(lab, there)
    expect(first.ran).toEqual(['large'])
    expect(first.tables).toMatchObject([
      {
        ...{ table: 's.large', status: 'initial', version: 0, files: 1, changes: { inserted: 2000 }, error: null },
        ...{ filesAdded: 1, filesRemoved: 0, freshnessSeconds: expect.any(Number) },
      },
      { table: 's.small', status: 'initial', version: 0 },
    ])
    const second = await cycle(lab, there)
    expect([second.ran, second.tables.map(({ status }) => status)]).toEqual([[], ['idle', 'idle']])
    await lab.land('s/large/20240101-000000000.parquet', large.replace('range as id', '0 as id'))
    expect((await cycle(lab, there)).tables[0]).toMatchObject({
      status: 'incremental',
      version: 1,
      changes: { updated: 1 },
      ...{ filesAdded: 1, filesRemoved: 1, filesRewritten: 1 },
    })
  })

  test('says of one that is held what holds it, and of one that died how', async ({ lab }) => {
    await onboard(lab)
    await lab.set('s.large', { primaryKey: 'nope' })
    const held = await cycle(lab, async (id) => {
      await lab.run({ tables: [id] })
      return { exitCode: 1, reason: '' }
    })
    expect(held.tables[0]).toMatchObject({ status: 'held', version: null, error: { kind: expect.any(String) } })
    expect(held.tables[1]).toMatchObject({ status: 'initial' })
    await lab.set('s.large', { primaryKey: 'id' })
    await lab.run()
    await lab.land('s/large/20240101-000000000.parquet', large)
    const died = await cycle(lab, async () => ({ exitCode: null, reason: 'OutOfMemoryError: container killed' }))
    expect(died.tables[0]).toMatchObject({
      status: 'failed',
      version: 0,
      error: {
        kind: 'unavailable',
        message: 'ECS task task-1 ended without an exit code: OutOfMemoryError: container killed',
      },
    })
    const refused = await cycle(lab, () => Promise.reject(new Error('no')))
    expect(refused.tables.map(({ status }) => status)).toEqual(['failed', 'idle'])
  })

  test('runs them in tasks that the service really started', async ({ lab }) => {
    await onboard(lab)
    const tasks = await ecs(
      ecsService(async (_, { overrides }) => {
        const id = parseTableName(overrides.containerOverrides[0].command[2]) as TableId
        return exited((await lab.run({ tables: [id] }))[0]?.error ? 1 : 0)
      }),
    )
    const options = { concurrency: 2, memoryBytes: 1e9, deadlineMs: 60_000, elsewhere: tasks, aboveBytes: 10_000 }
    const reports = await lab.run({ dispatcher: withElsewhere(lab.ports, options) })
    expect(reports.map(({ status }) => status)).toEqual(['initial', 'initial'])
    expect(stub?.count('RunTask')).toBe(1)
  })
})
