/** By what the way to write a changed file is chosen. Bytes stand for what the encoder needs for them. */
export type WriteCosts = {
  /** To prove a splice and to join it, however small it is. */
  readonly spliceBytes: number
  /** One request more. */
  readonly requestBytes: number
  /** A spliced file of no more bytes is joined here, of its old bytes that were fetched, and put by one request; a larger one by the store. */
  readonly joinedBytesMax: number
  /** A byte that is copied as it is. */
  readonly copiedByte: number
  /** A file of which more than this share is referred to by nothing is written anew. */
  readonly deadShareMax: number
  /** Rows that come into a file join a row group with fewer rows than this, which is encoded anew; else they begin one. */
  readonly smallGroupRows: number
  /** So many small files a partition may have before a commit that touches it merges some. */
  readonly smallFilesMax: number
  /** Where at least so many row groups are written anew as a whole, one column is compared first that tells of most rows that they change. */
  readonly sampledGroupsMin: number
  /** The new rows of a batch whose landing files have more bytes lie on the disk, those of other files apart. */
  readonly newRowsInMemoryMax: number
  /** New rows of so many bytes of landing files are compared with the lake's at once: they are held in memory meanwhile. */
  readonly comparedAtOnceMax: number
  /** In so many parts at most, for each has memory of its own while it is written. */
  readonly newRowsPartsMax: number
  /** Data files that are on their way to the store at once. */
  readonly stagedAtOnce: number
  readonly probe: ProbeCosts
}

/** When the key columns of files that may hold a key of a batch are fetched before the files. */
export type ProbeCosts = {
  /** Where the files have more bytes than this together. */
  readonly bytesMin: number
  /** Where the columns have no larger share of a file. */
  readonly shareMax: number
  /** What is read in between, rather than ask once more. */
  readonly gapBytes: number
}
