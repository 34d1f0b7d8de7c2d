import { afterEach, describe, expect, test } from 'vitest'
import { type AwsJsonStub, startAwsJsonStub } from '../support/aws-json-stub.ts'
import { type Lab, openLab } from '../support/lab.ts'
import { dmscdc } from './process.ts'

describe('dmscdc run with a task or a job per table', () => {
  let stub: AwsJsonStub | null = null
  let lab: Lab | null = null
  afterEach(async () => {
    await stub?.stop()
    await lab?.close()
  })

  /** What started processes share: as a task definition gives the same variables to the controller and to each task. */
  const environmentOf = ({ landing, lake, state }: Lab, endpoint: string) => ({
    ...{ DMSCDC_LANDING: landing, DMSCDC_LAKE: lake, DMSCDC_STATE: state, DMSCDC_DISPATCH_ABOVE: '1KB' },
    ...{
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    },
    ...{
      DMSCDC_ECS_CLUSTER: 'c',
      DMSCDC_ECS_TASK_DEFINITION: 'd',
      DMSCDC_ECS_SUBNETS: 'subnet-1',
      DMSCDC_GLUE_JOB: 'j',
    },
  })

  async function landed(): Promise<Lab> {
    const opened = await openLab()
    const rows = (count: number) => `select range as id, md5(range::varchar) as v from range(${String(count)})`
    await opened.land('s/large/LOAD00000001.parquet', rows(2000))
    await opened.land('s/small/LOAD00000001.parquet', rows(1))
    await opened.run()
    await opened.set('s.*', { active: true, primaryKey: 'id' })
    return opened
  }

  test('starts the very command in a task that has the same variables, and ends with what became of it', async () => {
    const opened = await landed()
    lab = opened
    let environment: Record<string, string> = {}
    let exitCode: number | null = null
    stub = await startAwsJsonStub({
      RunTask({ overrides }) {
        void dmscdc(overrides.containerOverrides[0].command, environment).then(({ code }) => {
          exitCode = code
        })
        return { body: { tasks: [{ taskArn: 'arn:task/c/1' }], failures: [] } }
      },
      DescribeTasks: () => ({
        body: {
          tasks: [
            {
              taskArn: 'arn:task/c/1',
              lastStatus: exitCode === null ? 'RUNNING' : 'STOPPED',
              containers: [{ name: 'dmscdc', exitCode }],
            },
          ],
        },
      }),
    })
    environment = { ...environmentOf(opened, stub.client.endpoint), DMSCDC_DISPATCH: 'ecsTask' }
    const { code, stdout } = await dmscdc(['run', '--json'], environment)
    expect(code).toBe(0)
    expect(JSON.parse(stdout).tables).toMatchObject([
      { table: 's.large', status: 'initial', version: 0, changes: { inserted: 2000 } },
      { table: 's.small', status: 'initial', version: 0, changes: { inserted: 1 } },
    ])
    expect(stub.count('RunTask')).toBe(1)
  })

  test('ends with exit 1 where the job failed, and takes --item for the table', async () => {
    const opened = await landed()
    lab = opened
    stub = await startAwsJsonStub({
      StartJobRun: () => ({ body: { JobRunId: 'jr_1' } }),
      GetJobRun: () => ({
        body: { JobRun: { JobRunState: 'FAILED', ErrorMessage: 'Command failed with exit code 10' } },
      }),
    })
    const environment = { ...environmentOf(opened, stub.client.endpoint), DMSCDC_DISPATCH: 'glueJob' }
    const { code, stdout } = await dmscdc(['run', '--json'], environment)
    expect(code).toBe(1)
    expect(JSON.parse(stdout).tables).toMatchObject([
      {
        status: 'failed',
        error: { message: expect.stringContaining('Glue job run jr_1 ended with exit code 1: FAILED: Command') },
      },
      { status: 'initial' },
    ])
    expect(stub.seen[0]?.input.Arguments).toEqual({ '--item': 's.large' })
    const one = await dmscdc(['run', '--item', 's.large', '--json'], environment)
    expect(JSON.parse(one.stdout)).toMatchObject({ ok: true, tables: [{ table: 's.large', status: 'initial' }] })
  })

  test('says which variable is missing', async () => {
    const opened = await landed()
    lab = opened
    for (const [kind, name] of [
      ['ecsTask', 'DMSCDC_ECS_CLUSTER'],
      ['glueJob', 'DMSCDC_GLUE_JOB'],
      ['lambda', 'lambda'],
    ] as const) {
      const { [name]: _, ...environment } = environmentOf(opened, 'http://127.0.0.1:1') as Record<string, string>
      const { code, stderr } = await dmscdc(['run', '--dispatch', kind], environment)
      expect([kind, code, stderr]).toEqual([kind, 2, expect.stringContaining(name)])
    }
  })
})
