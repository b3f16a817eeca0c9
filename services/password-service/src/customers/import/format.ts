import type { FieldError } from '@rekey/contracts'
import type { Line } from './lines.ts'

/** What stands on a line, not yet held against the schema; or why nothing can be read there. */
export type Read = { line: Line; record: unknown } | { line: Line; reasons: FieldError[] }

/** One way that a file of customers can be written. */
export interface Format {
  /** @returns what stands on each line, in their order */
  read(lines: Line[]): Read[]
  /** What the file calls a field of a record, by its path: `identifiers/0/value`. */
  fieldName(path: string, record: unknown): string
}

/** The file as a whole is of no use. The message is for whoever runs the import. */
export class ImportFault extends Error {}

/** The longest line: a record with twenty of the longest addresses is far below it. */
export const maxLineBytes = 65_536

export const refuseLine = (line: Line, code: string, message: string): Read => ({
  line,
  reasons: [{ field: '', code, message }],
})
export const tooLong = (line: Line): Read => refuseLine(line, 'too_long', `is longer than ${maxLineBytes} bytes`)
export const invalidUtf8 = (line: Line): Read => refuseLine(line, 'invalid_utf8', 'is not valid UTF-8')
