export type CsvDialect = {
  /** One character, in UTF-8. */
  readonly delimiter: string
  /** Whether a double quote at the beginning of a field encloses it; else quotes are characters like any other. */
  readonly quotes: boolean
}

/** How a CSV file is laid out, whatever its fields mean. */
export type CsvFrame = {
  /** Of the first line; 1 where there is none. */
  readonly fields: number
  /** Lines outside quotes, header included. Empty ones count only where a line is one field, and an empty one is NULL. */
  readonly records: number
  /** How the first line ends. */
  readonly newLine: '\n' | '\r\n'
  /** The file ends within quotes: it was cut off. */
  readonly openQuote: boolean
}

const [quote, lineFeed, carriageReturn] = [0x22, 0x0a, 0x0d]
const byteOrderMark = Buffer.from('\u{FEFF}')

/**
 * Counts the lines of CSV, byte by byte and apart from the engine, which tells neither a last field whose quotes are open
 * (it leaves its line out) nor which line ending a quoted text may hold besides its own.
 */
export async function frameCsv(chunks: AsyncIterable<Buffer>, dialect: CsvDialect): Promise<CsvFrame> {
  const delimiter = Buffer.from(dialect.delimiter)
  const lastOfDelimiter = delimiter.length - 1
  let state: 'start' | 'plain' | 'quoted' | 'after-quote' = 'start'
  let [fields, firstFields, records, empty, lineBytes, matched] = [1, 0, 0, 0, 0, 0]
  let newLine: CsvFrame['newLine'] | null = null
  let before = 0

  const endLine = () => {
    const isEmpty = lineBytes === 0 || (lineBytes === 1 && before === carriageReturn)
    if (isEmpty) empty++
    else {
      records++
      if (firstFields === 0) firstFields = fields
    }
    ;[fields, lineBytes, matched, state] = [1, 0, 0, 'start']
  }

  for await (const chunk of withoutMark(chunks)) {
    for (let at = 0; at < chunk.length; at++) {
      if (state === 'quoted') {
        const end = chunk.indexOf(quote, at)
        if (end < 0) break
        ;[at, state, before] = [end, 'after-quote', quote]
        continue
      }
      const byte = chunk[at] as number
      if (byte === lineFeed) {
        newLine ??= before === carriageReturn ? '\r\n' : '\n'
        endLine()
      } else {
        lineBytes++
        matched = byte === delimiter[matched] ? matched + 1 : byte === delimiter[0] ? 1 : 0
        if (matched > lastOfDelimiter) [fields, matched, state] = [fields + 1, 0, 'start']
        else if (byte === quote && dialect.quotes && (state === 'start' || state === 'after-quote')) state = 'quoted'
        else state = 'plain'
      }
      before = byte
    }
  }
  const openQuote = (state as string) === 'quoted'
  if (lineBytes > 0) endLine()
  const one = Math.max(1, firstFields)
  return { fields: one, records: one === 1 ? records + empty : records, newLine: newLine ?? '\n', openQuote }
}

async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let first = true
  for await (const chunk of chunks) {
    yield first && chunk.subarray(0, 3).equals(byteOrderMark) ? chunk.subarray(3) : chunk
    first = false
  }
}
