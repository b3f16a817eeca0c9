import { isUtf8 } from 'node:buffer'
import { CsvError, parse } from 'csv-parse/sync'
import { type Format, invalidUtf8, type Read, refuseLine, tooLong, UnusableFile } from './format.ts'
import type { Line } from './lines.ts'

const columns = ['customer', 'locale', 'timezone', 'email', 'phone', 'password_hash'] as const
type Column = (typeof columns)[number]

const options = { trim: true, relax_column_count: true } as const

/** Parses one line. Line breaks within quotes are not supported, so that an unclosed quote breaks one line only. */
const parseCells = (text: string): string[] | undefined => {
  try {
    return parse(text, options)[0] ?? []
  } catch (err) {
    if (err instanceof CsvError) return undefined
    throw err
  }
}

/** Parses all lines at once, which is much faster. If that fails, or joins two lines, parses each line separately. */
const parseAll = (texts: string[]): (string[] | undefined)[] => {
  try {
    const all: string[][] = parse(texts.join('\n'), options)
    if (all.length === texts.length) return all
  } catch (err) {
    if (!(err instanceof CsvError)) throw err
  }
  return texts.map(parseCells)
}

/** A first line that is not a header may contain hashes or addresses: quotes only what cannot be one. */
const quote = (cell: string) => (/^[A-Za-z_ -]{1,32}$/.test(cell) ? `"${cell}"` : '(not shown: not a column name)')

const readHeader = (header: Line | undefined): Column[] => {
  const hint = `The first line must name the columns: ${columns.join(',')}.`
  if (!header?.bytes || !isUtf8(header.bytes)) throw new UnusableFile(`The header cannot be read. ${hint}`)
  const cells = parseCells(header.bytes.toString('utf8'))
  if (!cells) throw new UnusableFile(`The header is not valid CSV. ${hint}`)
  const unknown = cells.filter((cell) => !columns.includes(cell as Column))
  if (unknown.length > 0)
    throw new UnusableFile(`Unknown column: ${[...new Set(unknown.map(quote))].join(', ')}. ${hint}`)
  const repeated = cells.find((cell, index) => cells.indexOf(cell) !== index)
  if (repeated) throw new UnusableFile(`The column ${repeated} is given more than once. ${hint}`)
  if (!cells.includes('customer')) throw new UnusableFile(`The column customer is missing. ${hint}`)
  if (cells.includes('email') !== cells.includes('phone')) {
    throw new UnusableFile(
      'The columns email and phone are both required: an import removes each address that a line does not contain.',
    )
  }
  return cells as Column[]
}

const split = (cell: string) => cell.split(';').flatMap((address) => address.trim() || [])

/** An empty cell leaves the field unchanged. All addresses are confirmed: CSV has no column for unconfirmed ones. */
const toRecord = (names: Column[], cells: string[]) => {
  const given: Partial<Record<Column, string>> = {}
  for (const [index, name] of names.entries()) if (cells[index]) given[name] = cells[index]
  const { customer, locale, timezone, email = '', phone = '', password_hash } = given
  const addresses = [...split(email), ...split(phone)]
  return {
    ...(customer !== undefined && { customer }),
    ...(locale !== undefined && { locale }),
    ...(timezone !== undefined && { timezone }),
    ...(addresses.length > 0 && { identifiers: addresses.map((value) => ({ value, verified: true })) }),
    ...(password_hash !== undefined && { passwordHash: password_hash }),
  }
}

const fieldName = (path: string, record: unknown): string => {
  if (path === 'passwordHash') return 'password_hash'
  const [list, index] = path.split('/')
  if (list !== 'identifiers') return path
  const { identifiers = [] } = record as ReturnType<typeof toRecord>
  if (index === undefined) return 'email, phone'
  // The record does not contain the column: a value of digits and signs was meant as a phone number.
  return /^[+\d\s().-]+$/.test(identifiers[Number(index)]?.value ?? '') ? 'phone' : 'email'
}

/**
 * CSV (RFC 4180, UTF-8, commas) with a header line.
 *
 * @throws UnusableFile if the header is invalid
 */
export const createCsv = (header: Line | undefined): Format => {
  const names = readHeader(header)
  const toRead = (line: Line, cells: string[] | undefined): Read => {
    if (!cells) return refuseLine(line, 'not_csv', 'is not valid CSV')
    if (cells.length !== names.length) {
      return refuseLine(line, 'wrong_columns', `has ${cells.length} cells instead of ${names.length}`)
    }
    return { line, record: toRecord(names, cells) }
  }
  return {
    fieldName,
    read(lines) {
      const texts = lines.flatMap(({ bytes }) => (bytes && isUtf8(bytes) ? [bytes.toString('utf8')] : []))
      const parsed = parseAll(texts).values()
      return lines.map((line) => {
        if (!line.bytes) return tooLong(line)
        return isUtf8(line.bytes) ? toRead(line, parsed.next().value) : invalidUtf8(line)
      })
    },
  }
}
