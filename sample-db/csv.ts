import { gzipSync } from 'node:zlib'
import type { Cell, ColumnType } from './columns.ts'
import type { FileColumn } from './layout.ts'
import type { DmsSettings } from './settings.ts'

/** CSV as DMS writes it: no header, comma, quotes by RFC 4180 where needed, NULL as an empty field, an empty text as `""`. */
export function dmsCsv(columns: readonly FileColumn[], settings: DmsSettings): Uint8Array {
  const rows = columns[0]?.cells.length ?? 0
  const lines = Array.from({ length: rows }, (_, row) =>
    columns.map((column) => field(column.type, column.cells[row] ?? null)).join(','),
  )
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
  return new Uint8Array(settings.CompressionType === 'GZIP' ? gzipSync(bytes) : bytes)
}

function field(type: ColumnType, cell: Cell): string {
  if (cell === null) return ''
  const text = valueText(type, cell)
  return text === '' || /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function valueText(type: ColumnType, cell: Exclude<Cell, null>): string {
  switch (type.kind) {
    case 'decimal':
      return decimalText(cell as bigint, type.scale)
    case 'date':
      return dateText(cell as number)
    case 'timestamp':
      return timestampText(cell as bigint, type.digits)
    case 'bytes':
      return Buffer.from(cell as Uint8Array).toString('hex')
    default:
      return String(cell)
  }
}

/** A decimal's text, with all digits of its scale. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled)
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

function dateText(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, 10)
}

function timestampText(micros: bigint, digits: number): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19).replace('T', ' ')
  return digits === 0 ? seconds : `${seconds}.${String(fraction).padStart(6, '0').slice(0, digits)}`
}
