import { isUtf8 } from 'node:buffer'
import { CsvError, parse } from 'csv-parse/sync'
import { type Format, ImportFault, invalidUtf8, type Read, refuseLine, tooLong } from './format.ts'
import type { Line } from './lines.ts'

const columns = ['customer', 'locale', 'timezone', 'email', 'phone', 'password_hash'] as const
type Column = (typeof columns)[number]

const options = { trim: true, relax_column_count: true } as const

/** Without line breaks within quotes, so that a quote that is never closed costs one line and not the rest of the file. */
const parseCells = (text: string): string[] | undefined => {
  try {
    return parse(text, options)[0] ?? []
  } catch (err) {
    if (err instanceof CsvError) return undefined
    throw err
  }
}

/** All at once is many times faster. Where a line is broken, or two would be taken for one, each is parsed by itself. */
const parseAll = (texts: string[]): (string[] | undefined)[] => {
  try {
    const all: string[][] = parse(texts.join('\n'), options)
    if (all.length === texts.length) return all
  } catch (err) {
    if (!(err instanceof CsvError)) throw err
  }
  return texts.map(parseCells)
}

/** Cells of a first line that is no header may be anything; what can be nobody's hash or address may be shown. */
const show = (cell: string) => (/^[A-Za-z_ -]{1,32}$/.test(cell) ? `"${cell}"` : 'one that is no name of a column')

const readHeader = (header: Line | undefined): Column[] => {
  const hint = `The first line must name the columns: ${columns.join(',')}.`
  if (!header?.bytes || !isUtf8(header.bytes)) throw new ImportFault(`The header cannot be read. ${hint}`)
  const cells = parseCells(header.bytes.toString('utf8'))
  if (!cells) throw new ImportFault(`The header is not valid CSV. ${hint}`)
  const unknown = cells.filter((cell) => !columns.includes(cell as Column))
  if (unknown.length > 0)
    throw new ImportFault(`Unknown column: ${[...new Set(unknown.map(show))].join(', ')}. ${hint}`)
  const repeated = cells.find((cell, index) => cells.indexOf(cell) !== index)
  if (repeated) throw new ImportFault(`The column ${repeated} stands twice. ${hint}`)
  if (!cells.includes('customer')) throw new ImportFault(`The column customer is missing. ${hint}`)
  if (cells.includes('email') !== cells.includes('phone')) {
    throw new ImportFault(
      'The columns email and phone go together: an address that a line does not name is taken away.',
    )
  }
  return cells as Column[]
}

const split = (cell: string) => cell.split(';').flatMap((address) => address.trim() || [])

/** An empty cell says nothing. Addresses are confirmed ones: CSV has no way to say that one is not. */
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
  // Which column it stood in is not kept; what has nothing but digits was meant for a number.
  return /^[+\d\s().-]+$/.test(identifiers[Number(index)]?.value ?? '') ? 'phone' : 'email'
}

/**
 * CSV (RFC 4180, UTF-8, commas) below a header line.
 *
 * @throws ImportFault where the header is not one
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
