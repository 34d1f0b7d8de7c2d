import { Aws, CfnOutput, type Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events'
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import type { Deployment } from '../config.ts'
import { runMetric } from './metrics.ts'

type Given = { readonly deployment: Deployment; readonly jobName: string }

/** Four alarms to one topic. Each one's text says what happened and where in the runbook its article is. */
export function addAlarms(stack: Stack, { deployment, jobName }: Given): void {
  const { email, runbook, freshnessLimitMinutes, noRunHours } = deployment.alarms
  const topic = addTopic(stack, deployment.name, email)
  addRunFailed(stack, { jobName, topic, article: `${runbook}#a-run-failed` })
  const alarm = (id: string, wanted: Wanted) => {
    const made = new Alarm(stack, id, {
      alarmName: `${deployment.name}: ${wanted.name}`,
      alarmDescription: `${wanted.text} What to do: ${runbook}#${wanted.anchor}`,
      metric: wanted.metric,
      threshold: wanted.threshold,
      comparisonOperator: wanted.comparison,
      evaluationPeriods: wanted.hours,
      treatMissingData: wanted.missing,
    })
    made.addAlarmAction(new SnsAction(topic))
    made.addOkAction(new SnsAction(topic))
  }
  alarm('TableHeld', {
    name: 'a table is held',
    anchor: 'a-table-is-held',
    text: 'At least one table stands still until its cause is gone; `dmscdc tables` names it and what to do.',
    metric: runMetric('TablesHeld', 'Maximum'),
    comparison: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    threshold: 1,
    hours: 1,
    // Between two runs what the last one said stands.
    missing: TreatMissingData.IGNORE,
  })
  alarm('TableNotFresh', {
    name: 'a table is not fresh',
    anchor: 'a-table-is-not-fresh',
    text: `A change took more than ${freshnessLimitMinutes} minutes from the landing to the lake.`,
    metric: runMetric('FreshnessSeconds', 'Maximum'),
    comparison: ComparisonOperator.GREATER_THAN_THRESHOLD,
    threshold: 60 * freshnessLimitMinutes,
    hours: 1,
    missing: TreatMissingData.IGNORE,
  })
  alarm('NoRun', {
    name: 'no run at all',
    anchor: 'no-run-at-all',
    text: `No run has ended for ${noRunHours} h, well or badly.`,
    metric: runMetric('Runs', 'Sum'),
    comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
    threshold: 1,
    hours: noRunHours,
    missing: TreatMissingData.BREACHING,
  })
}

type Wanted = {
  readonly name: string
  readonly anchor: string
  readonly text: string
  readonly metric: IMetric
  readonly comparison: ComparisonOperator
  readonly threshold: number
  readonly hours: number
  readonly missing: TreatMissingData
}

function addTopic(stack: Stack, name: string, email: string | null): Topic {
  const topic = new Topic(stack, 'Alarms', { topicName: `${name}-alarms`, displayName: name, enforceSSL: true })
  // A topic with a policy of its own has lost the default one, by which alarms of the account may publish.
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
  )
  if (email !== null) topic.addSubscription(new EmailSubscription(email))
  new CfnOutput(stack, 'AlarmsTopicArn', { value: topic.topicArn, description: 'Subscribe here to be told' })
  return topic
}

/** Glue's own word that a run of the job ended badly. */
function addRunFailed(
  stack: Stack,
  given: { readonly jobName: string; readonly topic: Topic; readonly article: string },
) {
  const { jobName, topic, article } = given
  const rule = new Rule(stack, 'RunFailed', {
    ruleName: `${jobName}-a-run-failed`,
    description: `A run failed. What to do: ${article}`,
    eventPattern: {
      source: ['aws.glue'],
      detailType: ['Glue Job State Change'],
      detail: { jobName: [jobName], state: ['FAILED', 'TIMEOUT', 'ERROR'] },
    },
  })
  const field = (path: string) => EventField.fromPath(`$.detail.${path}`)
  // An object, not a sentence: Glue's message may hold quotes, which would end a sentence's text.
  const message = RuleTargetInput.fromObject({
    alarm: `${jobName}: a run failed`,
    state: field('state'),
    run: field('jobRunId'),
    message: field('message'),
    whatToDo: article,
  })
  rule.addTarget(new SnsTopic(topic, { message }))
}
