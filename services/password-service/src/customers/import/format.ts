import type { FieldError } from '@rekey/contracts'
import type { Line } from './lines.ts'

/** A record that was parsed from a line and is not validated yet, or the reasons why it could not be parsed. */
export type Read = { line: Line; record: unknown } | { line: Line; reasons: FieldError[] }

/** One format of files with customers. */
export interface Format {
  /** Parses lines. @returns one result for each line, in order */
  read(lines: Line[]): Read[]
  /** The file's name for a field of a record, whose path is given: `identifiers/0/value`. */
  fieldName(path: string, record: unknown): string
}

/** The file cannot be imported. The message is written for the operator. */
export class UnusableFile extends Error {}

/** Longest line. A record with twenty addresses of the greatest length is far shorter. */
export const maxLineBytes = 65_536

export const refuseLine = (line: Line, code: string, message: string): Read => ({
  line,
  reasons: [{ field: '', code, message }],
})
export const tooLong = (line: Line): Read => refuseLine(line, 'too_long', `is longer than ${maxLineBytes} bytes`)
export const invalidUtf8 = (line: Line): Read => refuseLine(line, 'invalid_utf8', 'is not valid UTF-8')
