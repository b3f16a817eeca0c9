import { setTimeout as delay } from 'node:timers/promises'

const mostBytes = 2_048
const timeoutMs = 1_000

/** Members of a JSON error in which vendors write what was wrong. */
const members = ['code', 'error', 'error_description', 'message', 'title', 'detail', 'description', 'reason']

/** Members in which vendors write the code of an error. */
const codeMembers = ['code', 'error_code', 'errorCode', 'error']

/** The texts and numbers of these members, and of the same members of objects in them. */
const valuesOf = (value: unknown, names: readonly string[]): string[] => {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return names.flatMap((name) => valuesOf((value as Record<string, unknown>)[name], names))
}

const read = async (body: ReadableStream<Uint8Array>) => {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes >= mostBytes) break
  }
  return Buffer.concat(chunks).subarray(0, mostBytes).toString('utf8')
}

export interface VendorAnswer {
  /** Empty if the answer says nothing that is text. Personal details are still in it. */
  words: string
  /** Codes of the error, if the answer is JSON. */
  codes: string[]
}

/** Reads why an SMS vendor refused a message, from at most 2 KiB of its answer, within one second. */
export const readVendorAnswer = async (answer: Response): Promise<VendorAnswer> => {
  if (!answer.body) return { words: '', codes: [] }
  const late = new AbortController()
  const text = await Promise.race([
    read(answer.body).catch(() => ''),
    delay(timeoutMs, '', { signal: late.signal }).catch(() => ''),
  ])
  late.abort()
  try {
    const value: unknown = JSON.parse(text)
    return { words: valuesOf(value, members).join(' '), codes: valuesOf(value, codeMembers) }
  } catch {
    return { words: answer.headers.get('content-type')?.startsWith('text/plain') ? text : '', codes: [] }
  }
}
