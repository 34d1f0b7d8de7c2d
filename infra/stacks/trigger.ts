import { fileURLToPath } from 'node:url'
import { ArnFormat, type Stack } from 'aws-cdk-lib'
import { CfnJob, CfnTrigger } from 'aws-cdk-lib/aws-glue'
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'
import type { Network } from './network-stack.ts'
import { taskStatements } from './run-grants.ts'
import type { RunTask } from './run-stack.ts'

type Given = { readonly deployment: Deployment; readonly network: Network; readonly task: RunTask }

const launcher = fileURLToPath(new URL('../launcher/launch_task.py', import.meta.url))
/** Glue's own logs of Python-shell jobs, one pair of groups per account. */
const glueLogs = '/aws-glue/python-jobs'

/**
 * The SCHEDULED trigger and the job that starts the task and ends as it ends. One run at a time: a tick that meets a run
 * under way starts none. Returns the job's name.
 */
export function addTrigger(stack: Stack, given: Given): string {
  const { name, trigger, task } = given.deployment
  const script = new Asset(stack, 'Launcher', { path: launcher })
  const role = jobRole(stack, given.task)
  script.grantRead(role)
  acknowledge(role, {
    rule: 'AwsSolutions-IAM5',
    reason: "CDK's own grant to read the launcher's script, from CDK's assets bucket.",
    appliesTo: [
      ...['Action::s3:GetBucket*', 'Action::s3:GetObject*', 'Action::s3:List*'],
      { regex: '/^Resource::arn:<AWS::Partition>:s3:::cdk-[^*]*\\/\\*$/' },
    ],
  })
  const job = new CfnJob(stack, 'Job', {
    name,
    description: "Starts dmscdc's task on Fargate, waits, and ends as it ends.",
    role: role.roleArn,
    command: { name: 'pythonshell', pythonVersion: '3.9', scriptLocation: script.s3ObjectUrl },
    glueVersion: '3.0',
    maxCapacity: 0.0625,
    maxRetries: trigger.retries,
    // Above the task's own limit: the launcher is the one that stops the task and says so.
    timeout: task.timeoutMinutes + 10,
    executionProperty: { maxConcurrentRuns: 1 },
    defaultArguments: argumentsOf(given),
  })
  job.node.addDependency(role)
  acknowledge(
    job,
    { rule: 'AwsSolutions-GL1', reason: 'Its log holds names of tables and counts, no row value.' },
    { rule: 'AwsSolutions-GL3', reason: 'The job keeps no bookmark; progress is in the lake.' },
  )
  const scheduled = new CfnTrigger(stack, 'Trigger', {
    name: `${name}-schedule`,
    description: `Starts the job ${name}.`,
    type: 'SCHEDULED',
    schedule: trigger.schedule,
    startOnCreation: trigger.enabled,
    actions: [{ jobName: name }],
  })
  scheduled.addResourceDependency(job)
  return name
}

function argumentsOf({ deployment, network, task }: Given): Record<string, string> {
  return {
    '--cluster': task.cluster.clusterName,
    '--task_definition': task.definition.taskDefinitionArn,
    '--container': task.container,
    '--subnets': network.taskSubnets.map(({ subnetId }) => subnetId).join(','),
    '--security_groups': network.taskGroup.securityGroupId,
    '--assign_public_ip': network.publicIp ? 'ENABLED' : 'DISABLED',
    '--log_group': task.logGroup.logGroupName,
    '--log_prefix': task.logPrefix,
    '--timeout_minutes': String(deployment.task.timeoutMinutes),
    '--command': 'run',
  }
}

/** May start this task, watch and stop tasks of this cluster, read the run's log, and write Glue's own. */
function jobRole(stack: Stack, { cluster, definition, logGroup, logPrefix }: RunTask): Role {
  const role = new Role(stack, 'JobRole', {
    assumedBy: new ServicePrincipal('glue.amazonaws.com'),
    description: "dmscdc: the Glue job that starts the run's task",
  })
  const logs = (resourceName: string) =>
    stack.formatArn({ service: 'logs', resource: 'log-group', resourceName, arnFormat: ArnFormat.COLON_RESOURCE_NAME })
  const statements = [
    ...taskStatements({ cluster, definition }, definition.taskDefinitionArn),
    new PolicyStatement({
      actions: ['logs:GetLogEvents'],
      resources: [logs(`${logGroup.logGroupName}:log-stream:${logPrefix}/*`)],
    }),
    new PolicyStatement({
      actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logs(`${glueLogs}/*`)],
    }),
  ]
  for (const statement of statements) role.addToPolicy(statement)
  acknowledge(role, {
    rule: 'AwsSolutions-IAM5',
    reason:
      "Tasks and log streams get their names when they run; the role names their cluster and group. Glue's groups are Glue's.",
    appliesTo: [
      { regex: '/^Resource::arn:<AWS::Partition>:ecs:[^*]*:task\\/<[A-Za-z0-9]+>\\/\\*$/' },
      { regex: '/^Resource::arn:<AWS::Partition>:logs:[^*]*:log-stream:run\\/\\*$/' },
      { regex: '/^Resource::arn:<AWS::Partition>:logs:[^*]*:log-group:\\/aws-glue\\/python-jobs\\/\\*$/' },
    ],
  })
  return role
}
