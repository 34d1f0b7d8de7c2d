import { Duration } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'

/** A run's totals, which it writes into its log in CloudWatch's embedded metric format, without a dimension. */
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

/** What each table has as a metric of its own, with the dimension `Table`; what else is known of it stands in the log line. */
export type TableMetric = 'FreshnessSeconds' | 'RowsChanged'

export const metricNamespace = 'dmscdc'

/** A run's total over each hour. */
export function runMetric(metricName: RunMetric, statistic: 'Sum' | 'Maximum'): Metric {
  return new Metric({ namespace: metricNamespace, metricName, statistic, period: Duration.hours(1) })
}
