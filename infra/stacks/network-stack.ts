import { Annotations, Stack } from 'aws-cdk-lib'
import {
  GatewayVpcEndpointAwsService,
  type ISecurityGroup,
  type ISubnet,
  type IVpc,
  SecurityGroup,
  Subnet,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import type { Construct } from 'constructs'
import { acknowledge } from '../acknowledge.ts'
import type { Deployment } from '../config.ts'

export type Network = {
  readonly vpc: IVpc
  /** Of the run's task; `publicIp` says whether it needs an address of its own to reach AWS. */
  readonly taskSubnets: readonly ISubnet[]
  readonly taskGroup: ISecurityGroup
  readonly publicIp: boolean
  /** Of DMS and the sample database: two zones, no way in or out but the VPC's endpoints. */
  readonly dataSubnets: readonly ISubnet[]
  readonly dmsGroup: ISecurityGroup
}

/** The VPC that the configuration names by its ids, without a look-up, or one of its own: two zones, no NAT gateway. */
export function addNetwork(app: Construct, deployment: Deployment): Network {
  const stack = new Stack(app, 'Network', {
    stackName: `${deployment.name}-network`,
    description: "dmscdc: the network of the run's task",
  })
  return deployment.vpc === null ? ownNetwork(stack, deployment.name) : existingNetwork(stack, deployment.vpc)
}

/** Tasks run in public subnets with an address of their own, for the minutes of a run: a NAT gateway would cost more than all the rest. */
function ownNetwork(stack: Stack, name: string): Network {
  const vpc = new Vpc(stack, 'Vpc', {
    vpcName: name,
    maxAzs: 2,
    natGateways: 0,
    subnetConfiguration: [
      { name: 'task', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: false, cidrMask: 22 },
      { name: 'data', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
    ],
    gatewayEndpoints: {
      S3: { service: GatewayVpcEndpointAwsService.S3 },
      DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
    },
  })
  acknowledge(vpc, {
    rule: 'AwsSolutions-VPC7',
    reason: 'Nothing listens in this VPC but the optional sample database; flow logs would cost more than the run.',
  })
  const group = (id: string, description: string) => new SecurityGroup(stack, id, { vpc, description })
  return {
    vpc,
    taskSubnets: vpc.publicSubnets,
    taskGroup: group('TaskGroup', 'the task of dmscdc: out only'),
    publicIp: true,
    dataSubnets: vpc.isolatedSubnets,
    dmsGroup: group('DmsGroup', 'the DMS replication of dmscdc: out only'),
  }
}

function existingNetwork(stack: Stack, found: NonNullable<Deployment['vpc']>): Network {
  const { vpcId, subnetIds, availabilityZones, securityGroupId, publicIp } = found
  const subnets = subnetIds.map((subnetId, n) => {
    const subnet = Subnet.fromSubnetAttributes(stack, `Subnet${n + 1}`, {
      subnetId,
      availabilityZone: availabilityZones[n]!,
    })
    Annotations.of(subnet).acknowledgeWarning('@aws-cdk/aws-ec2:noSubnetRouteTableId', 'No route is added to it.')
    return subnet
  })
  const group = SecurityGroup.fromSecurityGroupId(stack, 'Group', securityGroupId)
  return {
    vpc: Vpc.fromVpcAttributes(stack, 'Vpc', { vpcId, availabilityZones }),
    taskSubnets: subnets,
    taskGroup: group,
    publicIp,
    dataSubnets: subnets,
    dmsGroup: group,
  }
}
