/**
 * What this service takes at most, each with its reason: the one place for limits on what others wrote. Beyond a limit
 * the table is held (or the name left alone), with the limit in the message; nothing is cut silently but texts for
 * people. Imports nothing. A test holds the table in docs/limitations.md to these numbers.
 */
export const limits = {
  /** A schema's or a table's name, UTF-8. A file name has 255 bytes, of which the state's `.json` takes five. */
  nameBytes: 250,
  /** A Hive folder `column=value`, escaped, UTF-8: the name of a folder. S3 takes a whole key of 1,024 bytes. */
  partitionFolderBytes: 255,
  /** Columns of one landing file, children of nested ones not counted. Sources end at 4,096; a statement grows with each. */
  columns: 10_000,
  /** A column's name, UTF-8. Sources end at 384 bytes (128 characters). */
  columnNameBytes: 1_024,
  /** Elements of a Parquet schema, those of nested columns counted. */
  schemaElements: 20_000,
  /** A Parquet file's footer, and its share of the engine's memory: the engine reads it whole, beside its memory limit, and what it makes of it is far larger. 1,000 columns in 1,000 row groups take 120 MB. */
  footerBytes: 128 * 2 ** 20,
  footerShareOfMemory: 1 / 32,
  /** The footer of a data file of our own whose bytes are carried over: in JavaScript it takes some thirty times its bytes. */
  splicedFooterBytes: 16 * 2 ** 20,
  /** A line of CSV. The engine's own limit is 2 MB, which a LOB column passes; the buffer of a scan is as large. */
  csvLineBytes: 32 * 2 ** 20,
  /** Change files in one commit: their names stand in its entry, and a statement grows with each. */
  batchFiles: 1_000,
  /** A state row as JSON text: DynamoDB's own limit for an item. */
  rowBytes: 400 * 1_024,
  /** Levels of lists and maps in a state row; DynamoDB's own limit. */
  rowDepth: 32,
  /** The text of one setting or cursor; an S3 key has 1,024 bytes. */
  settingLength: 4_096,
  /** The settings that list columns. */
  columnListLength: 300_000,
  /** Rows that a log claims for one data file: places in a file have 40 bits. */
  logFileRows: 2 ** 40,
  /** Bytes that a log claims for one data file: no object is larger than 5 TiB in S3. */
  logFileBytes: 5 * 2 ** 40,
  /** A message or hint, for people: what is longer is cut. */
  messageLength: 2_000,
} as const
