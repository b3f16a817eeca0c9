import { isUtf8 } from 'node:buffer'
import { RekeyError } from '@rekey/contracts'
import { parseJson } from '@rekey/platform/json'
import { type Format, invalidUtf8, type Read, refuseLine, tooLong } from './format.ts'
import type { Line } from './lines.ts'

const readLine = (line: Line): Read => {
  if (!line.bytes) return tooLong(line)
  if (!isUtf8(line.bytes)) return invalidUtf8(line)
  try {
    return { line, record: parseJson(line.bytes) }
  } catch (err) {
    if (!(err instanceof RekeyError)) throw err
    return err.fields ? { line, reasons: err.fields } : refuseLine(line, 'not_json', 'is not valid JSON')
  }
}

/** NDJSON: each line is one request of the RPC `customers.upsert`. */
export const ndjson: Format = { read: (lines) => lines.map(readLine), fieldName: (path) => path }
