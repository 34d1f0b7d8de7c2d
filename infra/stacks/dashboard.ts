import { CfnOutput, Duration, type Stack } from 'aws-cdk-lib'
import { Dashboard, GraphWidget, LogQueryWidget, MathExpression, SingleValueWidget } from 'aws-cdk-lib/aws-cloudwatch'
import type { ILogGroup } from 'aws-cdk-lib/aws-logs'
import type { Deployment } from '../config.ts'
import { metricNamespace, type RunMetric, runMetric, type TableMetric } from './metrics.ts'

type Given = { readonly deployment: Deployment; readonly logGroup: ILogGroup }

/** One page: is it well, how fresh is each table, what did the runs do and cost, what went wrong last. */
export function addDashboard(stack: Stack, { deployment, logGroup }: Given): void {
  const dashboard = new Dashboard(stack, 'Dashboard', {
    dashboardName: deployment.name,
    defaultInterval: Duration.days(3),
  })
  dashboard.addWidgets(
    new SingleValueWidget({
      title: 'In the last hour',
      width: 24,
      height: 4,
      metrics: [
        runMetric('Runs', 'Sum'),
        runMetric('TablesHeld', 'Maximum'),
        runMetric('TablesFailed', 'Maximum'),
        runMetric('FreshnessSeconds', 'Maximum'),
        runMetric('RowsChanged', 'Sum'),
      ],
    }),
  )
  dashboard.addWidgets(
    perTable('Freshness of each table, seconds from landing to commit', 'FreshnessSeconds', 'Maximum'),
    perTable('Rows changed, per table', 'RowsChanged', 'Sum'),
  )
  dashboard.addWidgets(
    totals('Seconds', ['Seconds']),
    totals('Bytes', ['BytesRead', 'BytesWritten']),
    totals('Requests', ['Requests']),
  )
  dashboard.addWidgets(
    new LogQueryWidget({
      title: 'What was said last of held and failed tables',
      width: 24,
      height: 8,
      logGroupNames: [logGroup.logGroupName],
      queryLines: [
        'fields @timestamp, @message',
        'filter @message like /(?i)(held|error|failed)/ and @message not like /_aws/',
        'sort @timestamp desc',
        'limit 50',
      ],
    }),
  )
  new CfnOutput(stack, 'DashboardName', { value: deployment.name, description: 'CloudWatch, Dashboards' })
}

/** Whatever tables there are: their number and names are not known when this is deployed. */
function perTable(title: string, metric: TableMetric, statistic: 'Sum' | 'Maximum'): GraphWidget {
  const search = `SEARCH('{${metricNamespace},Table} MetricName="${metric}"', '${statistic}', 3600)`
  const expression = new MathExpression({ expression: search, usingMetrics: {}, label: '', period: Duration.hours(1) })
  return new GraphWidget({ title, width: 12, height: 7, left: [expression] })
}

function totals(title: string, metrics: readonly RunMetric[]): GraphWidget {
  return new GraphWidget({ title, width: 8, height: 6, left: metrics.map((metric) => runMetric(metric, 'Sum')) })
}
