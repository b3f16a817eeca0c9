import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import chain from 'stream-chain'
import { parser } from 'stream-json'
import { pick } from 'stream-json/filters/pick.js'
import { streamArray } from 'stream-json/streamers/stream-array.js'

/** An export that cannot be read. The message names the file and the place. */
export class UnreadableExport extends Error {}

/** One object a line. @throws UnreadableExport */
export async function* readObjectLines(path: string): AsyncGenerator<unknown> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })
  let number = 0
  for await (const line of lines) {
    number += 1
    if (line.trim() === '') continue
    try {
      yield JSON.parse(line)
    } catch (cause) {
      throw new UnreadableExport(`${path}, line ${number}: is not JSON`, { cause })
    }
  }
}

/** The array `users` of one JSON object, however large. @throws UnreadableExport */
export async function* readUsers(path: string): AsyncGenerator<unknown> {
  const users = chain([parser(), pick({ filter: 'users' }), streamArray()])
  const reading = pipeline(createReadStream(path), users)
  // The loop below throws the same error.
  reading.catch(() => {})
  try {
    for await (const { value } of users as AsyncIterable<{ value: unknown }>) yield value
    await reading
  } catch (cause) {
    throw new UnreadableExport(`${path}: ${(cause as Error).message}`, { cause })
  }
}
