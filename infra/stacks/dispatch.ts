import type { Stack } from 'aws-cdk-lib'
import type { Cluster, TaskDefinition } from 'aws-cdk-lib/aws-ecs'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'
import type { Network } from './network-stack.ts'
import { taskStatements } from './run-grants.ts'

type Place = { readonly deployment: Deployment; readonly network: Network; readonly cluster: Cluster }

/**
 * What the run is told of tasks for large tables; nothing where the deployment has none. The task definition goes by its
 * family, since its own ARN cannot stand in its environment; so a table's task is always of the newest revision.
 */
export function dispatchVariables({ deployment, network, cluster }: Place): Record<string, string> {
  const { name, dispatch } = deployment
  if (dispatch === null) return {}
  return {
    DMSCDC_DISPATCH: 'ecsTask',
    DMSCDC_DISPATCH_ABOVE: `${dispatch.aboveGb}GB`,
    ...(dispatch.vcpuBudget === null ? {} : { DMSCDC_VCPU_BUDGET: String(dispatch.vcpuBudget) }),
    DMSCDC_ECS_CLUSTER: cluster.clusterName,
    DMSCDC_ECS_TASK_DEFINITION: name,
    DMSCDC_ECS_CONTAINER: name,
    DMSCDC_ECS_SUBNETS: network.taskSubnets.map(({ subnetId }) => subnetId).join(','),
    DMSCDC_ECS_SECURITY_GROUPS: network.taskGroup.securityGroupId,
    DMSCDC_ECS_PUBLIC_IP: String(network.publicIp),
  }
}

type Granted = {
  readonly deployment: Deployment
  readonly cluster: Cluster
  readonly definition: TaskDefinition
}

/** The run may start its own task definition for a table, and watch and stop what it started; nothing where the deployment has no dispatch. */
export function grantDispatch(stack: Stack, { deployment: { dispatch }, cluster, definition }: Granted): void {
  if (dispatch === null) return
  const role = definition.taskRole
  const revisions = stack.formatArn({
    service: 'ecs',
    resource: 'task-definition',
    resourceName: `${definition.family}:*`,
  })
  for (const statement of taskStatements({ cluster, definition }, revisions)) role.addToPrincipalPolicy(statement)
  acknowledge(role, {
    rule: 'AwsSolutions-IAM5',
    reason:
      'A family names its newest revision when a task starts, and tasks get their ids then; the cluster is named.',
    appliesTo: [
      { regex: '/^Resource::arn:<AWS::Partition>:ecs:[^*]*:task-definition\\/[a-z0-9-]+:\\*$/' },
      { regex: '/^Resource::arn:<AWS::Partition>:ecs:[^*]*:task\\/<[A-Za-z0-9]+>\\/\\*$/' },
    ],
  })
  if (dispatch.vcpuBudget === null) return
  // The budget is divided by the size of one task, which the task definition says.
  role.addToPrincipalPolicy(new PolicyStatement({ actions: ['ecs:DescribeTaskDefinition'], resources: ['*'] }))
  acknowledge(role, {
    rule: 'AwsSolutions-IAM5',
    reason: 'ecs:DescribeTaskDefinition, which reads only, has no resource to name.',
    appliesTo: ['Resource::*'],
  })
}
