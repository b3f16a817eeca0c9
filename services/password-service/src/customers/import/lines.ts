/** A line of a file, without its line break. */
export interface Line {
  /** From 1. */
  number: number
  /** Undefined if the line is too long. */
  bytes: Buffer | undefined
  /** Offset of its end in the file, in bytes. */
  end: number
}

const newline = 0x0a
const carriageReturn = 0x0d
const space = 0x20
const tab = 0x09
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

const isBlank = (bytes: Buffer) => bytes.every((byte) => byte === space || byte === tab)

const strip = (bytes: Buffer, number: number) => {
  const from = number === 1 && bytes.subarray(0, 3).equals(byteOrderMark) ? 3 : 0
  const to = bytes.at(-1) === carriageReturn ? bytes.length - 1 : bytes.length
  return bytes.subarray(from, to)
}

/**
 * Splits a stream into lines and yields the lines of each chunk. Blank lines are numbered but not yielded. At most
 * `maxBytes` of a line are held in memory.
 */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line[]> {
  let number = 0
  let read = 0
  let begun: Buffer[] = []
  let length = 0

  const keep = (part: Buffer) => {
    length += part.length
    if (length > maxBytes) begun = []
    else if (part.length > 0) begun.push(part)
  }
  const finish = (end: number): Line[] => {
    number += 1
    const bytes =
      length > maxBytes ? undefined : strip(begun.length === 1 ? (begun[0] as Buffer) : Buffer.concat(begun), number)
    begun = []
    length = 0
    return bytes && isBlank(bytes) ? [] : [{ number, bytes, end }]
  }

  for await (const chunk of chunks) {
    const lines: Line[] = []
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      keep(chunk.subarray(from, at))
      from = at + 1
      lines.push(...finish(read + from))
    }
    keep(chunk.subarray(from))
    read += chunk.length
    if (lines.length > 0) yield lines
  }
  if (length > 0) yield finish(read)
}
