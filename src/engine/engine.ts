import type { Segment } from '../domain.ts'
import type { CsvDialect, CsvFrame } from './csv-frame.ts'

/** A value of a small result; integers beyond 2^53 and decimals come as text. */
export type Cell = string | number | boolean | null

/** A Parquet file that the engine wrote into its scratch folder. */
export type WrittenFile = {
  readonly scratchFile: string
  readonly rows: number
  readonly sizeBytes: number
  readonly footerBytes: number
  /** Of the whole file, in its order. */
  readonly segments: readonly Segment[]
  /** Column name → the writer's statistics as text. */
  readonly statistics: ReadonlyMap<string, ColumnStatistics>
}

export type ColumnStatistics = {
  readonly nullCount: number
  /** Exact, or null where the writer gave none (all NULL, long text, NaN present). */
  readonly min: string | null
  readonly max: string | null
  readonly hasNan: boolean
}

export type WriteRequest = {
  /** The query whose result is written; its columns are the file's, in this order and under these names. */
  readonly select: string
  /** Column name → its field id in the file; empty: the file has none. */
  readonly fieldIds: ReadonlyMap<string, number>
  /** Begin a new file near this size; without it all rows are in one file. */
  readonly fileBytesTarget?: number
}

/** Told of a file while the engine writes the ones behind it; of one file after the other. A file counts if it has the same size in the end. */
export type OnFinished = (file: EncodedFile) => Promise<void>

export type EncodeRequest = {
  readonly select: string
  readonly fieldIds: ReadonlyMap<string, number>
  /** A row group is ended after so many rows. */
  readonly rowGroupRows: number
}

export type SpillRequest = {
  readonly select: string
  readonly rowGroupRows: number
  /** A column that keeps rows of other values in other files, and stands in none; in no order then. Else they are in their order in one file. */
  readonly apartBy: string | null
}

/** Parquet; `apart` is the value of the column that keeps its rows apart from others, as text. */
export type SpilledFile = { readonly scratchFile: string; readonly apart: string | null }

export type EncodedFile = { readonly scratchFile: string; readonly sizeBytes: number }

export type ByteSpan = { readonly start: number; readonly length: number }

/** Bytes at hand, or a part of a scratch file. */
export type ScratchPiece = Uint8Array | (ByteSpan & { readonly scratchFile: string })

/**
 * DuckDB behind the little that the loads need. Rows stay inside; only counts, names and statistics come out.
 * One session is one connection with its own tables and its own scratch folder, used by one table at a time; files may be written,
 * hashed and joined while a statement is under way.
 */
export type EngineSession = {
  run(sql: string): Promise<void>
  /** For small results only. */
  rows(sql: string): Promise<readonly { readonly [column: string]: Cell }[]>
  /** Makes a local file readable under a plain name, whatever its own (globs, quotes, `col=value` folders). */
  link(localPath: string): Promise<string>
  /** The largest footer that this engine's memory bears. */
  readonly footerBytesMax: number
  /** What the end of a local file says of the length of its Parquet footer; null where it is the end of no Parquet file, or no file is there. */
  footerBytesOf(localPath: string): Promise<number | null>
  /** Files with no row are not returned. Not every file is told of. */
  write(request: WriteRequest, onFinished?: OnFinished): Promise<readonly WrittenFile[]>
  /** One file, beside others, on a connection of its own: what the query reads must be no temporary table. Null when there is no row. */
  writeAside(request: WriteRequest): Promise<WrittenFile | null>
  /** Writes column chunks that other files are going to take over, each as `writeAside` does. Neither hashed nor measured. */
  encode(requests: readonly EncodeRequest[]): Promise<readonly (EncodedFile | null)[]>
  /** Writes rows for SQL to read them again; they may be of temporary tables. No file is without a row. */
  spill(request: SpillRequest): Promise<readonly SpilledFile[]>
  /** Of a scratch file or a linked one; less where it ends before. */
  readBytes(path: string, span: ByteSpan): Promise<Uint8Array>
  /** SHA-256 of each span, in hex. */
  hashSpans(path: string, spans: readonly ByteSpan[]): Promise<readonly string[]>
  /** Writes pieces one behind the other into one scratch file; each group of them is a segment. */
  concatenate(
    groups: readonly (readonly ScratchPiece[])[],
  ): Promise<{ readonly scratchFile: string; readonly segments: readonly Segment[] }>
  /** A scratch file of the first bytes of a file, and behind them another one. */
  extend(first: { readonly path: string; readonly bytes: number }, tailFile: string): Promise<string>
  /** Writes text where SQL can read it; returns its path. */
  writeText(name: string, text: string): Promise<string>
  /** Reads the CSV file once, for its lines alone. Throws what unpacking throws. */
  frameCsv(request: CsvDialect & { readonly path: string; readonly gzip: boolean }): Promise<CsvFrame>
  /** An unused path in the scratch folder, for SQL that writes a file itself. */
  scratchPath(name: string): Promise<string>
  /** Of a scratch file or a linked one. */
  sizeOf(path: string): Promise<number>
  /** Drops what the session made since it was opened: temporary tables, links and scratch files. */
  reset(): Promise<void>
  /** Makes the statement under way fail, if there is one. */
  interrupt(): void
  close(): Promise<void>
}

/** Of the files that are written whole. */
export const rowGroupRows = 122_880

/** What every file says of itself, `key=value`: Spark 3 reads ancient dates by it. */
export const writtenKeyValues = ['org.apache.spark.version=3.5.0'] as const

export type Engine = {
  openSession(): Promise<EngineSession>
  close(): Promise<void>
}
