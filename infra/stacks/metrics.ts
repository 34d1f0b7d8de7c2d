import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'

/** What the run writes into its log as CloudWatch's embedded metric format: totals without a dimension, tables by `Table`. */
export type RunMetric =
  | 'Runs'
  | 'TablesFailed'
  | 'TablesHeld'
  | 'FreshnessSeconds'
  | 'RowsChanged'
  | 'BytesRead'
  | 'BytesWritten'
  | 'Requests'
  | 'Seconds'

export const metricNamespace = 'dmscdc'

/** A run's total over each hour. */
export function runMetric(metricName: RunMetric, statistic: 'Sum' | 'Maximum'): Metric {
  return new Metric({ namespace: metricNamespace, metricName, statistic, period: Duration.hours(1) })
}
