import { setTimeout as delay } from 'node:timers/promises'

const mostBytes = 2_048
const timeoutMs = 1_000

/** Members of a JSON error in which vendors write what was wrong. */
const members = ['code', 'error', 'error_description', 'message', 'title', 'detail', 'description', 'reason']

const wordsOf = (value: unknown): string[] => {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  if (typeof value !== 'object' || value === null) return []
  return members.flatMap((member) => wordsOf((value as Record<string, unknown>)[member]))
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

/**
 * Reads why an SMS vendor refused a message, from at most 2 KiB of its answer, within one second.
 *
 * @returns empty if the answer says nothing that is text; personal details are still in it
 */
export const readVendorAnswer = async (answer: Response): Promise<string> => {
  if (!answer.body) return ''
  const late = new AbortController()
  const text = await Promise.race([
    read(answer.body).catch(() => ''),
    delay(timeoutMs, '', { signal: late.signal }).catch(() => ''),
  ])
  late.abort()
  try {
    return wordsOf(JSON.parse(text)).join(' ')
  } catch {
    return answer.headers.get('content-type')?.startsWith('text/plain') ? text : ''
  }
}
