import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { createCsv } from './csv.ts'
import { type Format, maxLineBytes, UnusableFile } from './format.ts'
import { type Line, readLines } from './lines.ts'
import { ndjson } from './ndjson.ts'

export const formats = ['ndjson', 'csv'] as const
export type FormatName = (typeof formats)[number]

/** Consecutive records of a file, one a line. */
export interface RawBatch {
  lines: Line[]
  /** Number of records in the file up to the end of this batch. */
  records: number
}

const batchSize = 1_000
const chunkBytes = 256 * 1024

const reasons: Record<string, string> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
}

const openFile = async (path: string): Promise<FileHandle> => {
  try {
    return await open(path, 'r')
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    throw new UnusableFile(`${path} cannot be read: ${reasons[code] ?? code}.`, { cause })
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

/** First bytes of files that are not text in UTF-8. */
const wrongFormats: [Buffer, string][] = [
  [Buffer.from([0xff, 0xfe]), 'is UTF-16. Save it as UTF-8'],
  [Buffer.from([0xfe, 0xff]), 'is UTF-16. Save it as UTF-8'],
  [Buffer.from([0x1f, 0x8b]), 'is compressed. Unpack it first'],
  [Buffer.from('PK\u0003\u0004'), 'is a ZIP archive or a spreadsheet. Save it as CSV'],
]

const assertText = async (file: FileHandle, path: string) => {
  const stat = await file.stat()
  if (stat.isDirectory()) throw new UnusableFile(`${path} cannot be read: it is a directory.`)
  if (!stat.isFile()) throw new UnusableFile(`${path} cannot be read: it is not a regular file.`)
  if (stat.size === 0) throw new UnusableFile(`${path} is empty.`)
  const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
  const [, what] = wrongFormats.find(([bytes]) => buffer.subarray(0, bytes.length).equals(bytes)) ?? []
  if (what) throw new UnusableFile(`${path} ${what}.`)
  return stat
}

/** Groups lines into batches of one size, which does not depend on chunks: a resumed import reads the same batches. */
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

/** Opens a file of customers. @throws UnusableFile if it cannot be read, or is not text in UTF-8 */
export const openSource = async (path: string, formatName: FormatName) => {
  const file = await openFile(path)
  try {
    const { size } = await assertText(file, path)
    return {
      /** Bytes. */
      size,
      /** SHA-256 of the format's name and the content. */
      async fingerprint(): Promise<string> {
        const hash = createHash('sha256').update(`${formatName}\n`)
        for await (const chunk of chunksOf(file)) hash.update(chunk)
        return hash.digest('hex')
      },
      /** Reads the file, without its first `skip` records. @throws UnusableFile if the header of a CSV file is invalid */
      async read(skip: number): Promise<{ format: Format; batches: AsyncGenerator<RawBatch> }> {
        const chunks = readLines(chunksOf(file), maxLineBytes)
        if (formatName === 'ndjson') return { format: ndjson, batches: toBatches(chunks, [], skip) }
        const [header, ...first]: Line[] = (await chunks.next()).value ?? []
        return { format: createCsv(header), batches: toBatches(chunks, first, skip) }
      },
      close: (): Promise<void> => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

export type Source = Awaited<ReturnType<typeof openSource>>
