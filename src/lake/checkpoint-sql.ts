import { literal } from '../engine/sql.ts'

/**
 * Writes a classic Delta checkpoint from a file of actions, one JSON object a line. snappy: every reader knows it.
 * `lineBytesMax` is the length of the longest line.
 */
export function checkpointWriteSql(actionsPath: string, checkpointPath: string, lineBytesMax: number): string {
  const types = Object.entries(columnTypes).map(([column, type]) => `${literal(column)}: ${literal(type)}`)
  return `copy (
    from read_json(${literal(actionsPath)}, format = 'newline_delimited', columns = {${types.join(', ')}},
      maximum_object_size = ${Math.max(defaultObjectBytesMax, lineBytesMax + 1_024)})
  ) to ${literal(checkpointPath)} (format parquet, compression snappy)`
}

/** Reads a checkpoint back: one column `line`, each row an action as JSON text, every text in it exactly as it was written. */
export function checkpointReadSql(checkpointPath: string): string {
  const scan = `read_parquet(${literal(checkpointPath)}, hive_partitioning = false)`
  const selects = Object.keys(columnTypes).map((action) => {
    return `select '{"${action}":' || to_json("${action}")::varchar || '}' as line from ${scan} where "${action}" is not null`
  })
  return selects.join('\nunion all\n')
}

const defaultObjectBytesMax = 16_777_216

const columnTypes = {
  txn: 'struct(appId varchar, version bigint, lastUpdated bigint)',
  add: `struct(path varchar, partitionValues map(varchar, varchar), size bigint, modificationTime bigint,
    dataChange boolean, stats varchar, tags map(varchar, varchar))`,
  remove: `struct(path varchar, deletionTimestamp bigint, dataChange boolean, extendedFileMetadata boolean,
    partitionValues map(varchar, varchar), size bigint)`,
  metaData: `struct(id varchar, "name" varchar, description varchar,
    format struct(provider varchar, options map(varchar, varchar)), schemaString varchar, partitionColumns varchar[],
    configuration map(varchar, varchar), createdTime bigint)`,
  protocol: `struct(minReaderVersion integer, minWriterVersion integer, readerFeatures varchar[],
    writerFeatures varchar[])`,
  domainMetadata: 'struct("domain" varchar, configuration varchar, removed boolean)',
} as const
