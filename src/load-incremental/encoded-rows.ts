import type { Column } from '../domain.ts'
import type { OpenedDataFile } from '../lake/data-sql.ts'

/** Whole rows that were encoded, as a file that the gate can read, and the query for these columns of the rows that it was to hold. */
export type EncodedRows = {
  readonly file: OpenedDataFile
  readonly rows: (columns: readonly Column[]) => string
}
