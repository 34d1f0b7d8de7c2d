/** The endpoint settings of DMS that the stand-in knows, named as DMS names them. */
export type DmsSettings = {
  readonly DataFormat: 'parquet' | 'csv'
  readonly CompressionType: 'NONE' | 'GZIP'
  /** Writes `I` in an `Op` column of the full load, which otherwise has none. */
  readonly IncludeOpForFullLoad: boolean
  /** Adds a text column with the time of the load, or of the commit. */
  readonly TimestampColumnName: string | null
  /** Seconds after which a batch of changes closes. */
  readonly CdcMaxBatchInterval: number
  /** Kilobytes at which a batch of changes closes. */
  readonly CdcMinFileSize: number
  /** Kilobytes after which a full load goes on in a new file. */
  readonly MaxFileSize: number
  readonly DatePartitionEnabled: boolean
  readonly DatePartitionSequence: 'YYYYMMDD' | 'YYYYMMDDHH' | 'YYYYMM' | 'MMYYYYDD' | 'DDMMYYYY'
  readonly DatePartitionDelimiter: 'SLASH' | 'UNDERSCORE' | 'DASH' | 'NONE'
  /** Milliseconds, otherwise microseconds. */
  readonly ParquetTimestampInMillisecond: boolean
  /** Which source columns get a `BI_` column with the old value in change files. */
  readonly BeforeImage: 'pk-only' | 'non-lob' | 'all' | null
  /** The columns that have a before-image whatever the mode, as the sample tables declare no keys. */
  readonly BeforeImageColumns: readonly string[]
  /** Adds the change's sequence number, 35 digits; null in a full load. */
  readonly ChangeSequenceColumn: string | null
  /** What a full load does with what the target holds of its tables. */
  readonly TargetTablePrepMode: 'DO_NOTHING' | 'DROP_AND_CREATE'
  /** Not DMS's: `dms-exact` writes the physical form of DMS's own files, `arrow` that of the Arrow libraries. */
  readonly parquetWriter: 'arrow' | 'dms-exact'
}

export const defaultSettings: DmsSettings = {
  DataFormat: 'parquet',
  CompressionType: 'NONE',
  IncludeOpForFullLoad: false,
  TimestampColumnName: null,
  CdcMaxBatchInterval: 60,
  CdcMinFileSize: 32_000,
  MaxFileSize: 1_048_576,
  DatePartitionEnabled: false,
  DatePartitionSequence: 'YYYYMMDD',
  DatePartitionDelimiter: 'SLASH',
  ParquetTimestampInMillisecond: true,
  BeforeImage: null,
  BeforeImageColumns: [],
  ChangeSequenceColumn: null,
  TargetTablePrepMode: 'DO_NOTHING',
  parquetWriter: 'arrow',
}
