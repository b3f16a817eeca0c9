import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { createCsv } from './csv.ts'
import { type Format, ImportFault, maxLineBytes } from './format.ts'
import { type Line, readLines } from './lines.ts'
import { ndjson } from './ndjson.ts'

export const formats = ['ndjson', 'csv'] as const
export type FormatName = (typeof formats)[number]

/** Some of the records of a file, one a line. */
export interface RawBatch {
  lines: Line[]
  /** How many records of the file there are up to its end. */
  records: number
}

/** A file of customers, open for reading. */
export interface Source {
  /** Bytes. */
  size: number
  /** Digest of its content and of the format it is read in. */
  fingerprint(): Promise<string>
  /**
   * Reads it from its beginning, but leaves out so many records.
   * @throws ImportFault where the header of a CSV file is not one
   */
  read(skip: number): Promise<{ format: Format; batches: AsyncGenerator<RawBatch> }>
  close(): Promise<void>
}

const batchSize = 1_000
const chunkBytes = 256 * 1024

const inWords: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'it may not be read',
}

const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, 'r')
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    throw new ImportFault(`${path} cannot be read: ${inWords[code] ?? code}.`, { cause })
  }
}

async function* chunksOf(file: FileHandle): AsyncGenerator<Buffer> {
  let position = 0
  while (true) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** What other programs write when they are asked for text, told by its first bytes. */
const foreign: [Buffer, string][] = [
  [Buffer.from([0xff, 0xfe]), 'is UTF-16. Save it as UTF-8'],
  [Buffer.from([0xfe, 0xff]), 'is UTF-16. Save it as UTF-8'],
  [Buffer.from([0x1f, 0x8b]), 'is compressed. Unpack it first'],
  [Buffer.from('PK\u0003\u0004'), 'is a ZIP archive or a spreadsheet. Save it as CSV'],
]

const assertText = async (file: FileHandle, path: string) => {
  const stat = await file.stat()
  if (stat.isDirectory()) throw new ImportFault(`${path} cannot be read: it is a directory.`)
  if (!stat.isFile()) throw new ImportFault(`${path} cannot be read: it is not a regular file.`)
  if (stat.size === 0) throw new ImportFault(`${path} is empty.`)
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
  const [, what] = foreign.find(([bytes]) => buffer.subarray(0, bytes.length).equals(bytes)) ?? []
  if (what) throw new ImportFault(`${path} ${what}.`)
  return stat
}

/** Lines of chunks of a file become batches of one size, whatever the file was read before: a resumed import meets the same. */
async function* toBatches(chunks: AsyncGenerator<Line[]>, first: Line[], skip: number): AsyncGenerator<RawBatch> {
  let toSkip = skip
  let records = skip
  let waiting: Line[] = []
  const take = (lines: Line[]) => {
    const skipped = Math.min(toSkip, lines.length)
    toSkip -= skipped
    waiting = waiting.concat(lines.slice(skipped))
  }
  const next = (): RawBatch => {
    const lines = waiting.slice(0, batchSize)
    waiting = waiting.slice(batchSize)
    records += lines.length
    return { lines, records }
  }
  take(first)
  for await (const lines of chunks) {
    take(lines)
    while (waiting.length >= batchSize) yield next()
  }
  while (waiting.length > 0) yield next()
}

/** @throws ImportFault where it cannot be read, or is not text in UTF-8 */
export const openSource = async (path: string, formatName: FormatName): Promise<Source> => {
  const file = await openFile(path)
  try {
    const { size } = await assertText(file, path)
    return {
      size,
      async fingerprint() {
        const hash = createHash('sha256').update(`${formatName}\n`)
        for await (const chunk of chunksOf(file)) hash.update(chunk)
        return hash.digest('hex')
      },
      async read(skip) {
        const chunks = readLines(chunksOf(file), maxLineBytes)
        if (formatName === 'ndjson') return { format: ndjson, batches: toBatches(chunks, [], skip) }
        const [header, ...first]: Line[] = (await chunks.next()).value ?? []
        return { format: createCsv(header), batches: toBatches(chunks, first, skip) }
      },
      close: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}
