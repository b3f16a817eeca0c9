import { shuffle } from 'simple-statistics'
import { Client, type Dispatcher } from 'undici'
import type { Samples } from './welch.ts'

interface TimedAnswer {
  status: number
  text: string
  /** From before the first byte was sent to after the last came. */
  ms: number
}

/** One connection to a server, with one request at a time. */
export const connect = (origin: string) => {
  const client = new Client(origin, { pipelining: 1 })
  return {
    async ask(request: Dispatcher.RequestOptions): Promise<TimedAnswer> {
      const startedMs = performance.now()
      const { statusCode, body } = await client.request(request)
      const text = await body.text()
      return { status: statusCode, text, ms: performance.now() - startedMs }
    },
    close: () => client.close(),
  }
}

export type Connection = ReturnType<typeof connect>

/**
 * Takes one sample of each member of both groups, in random order: whatever drifts, and whatever work a request leaves
 * behind for the next ones, falls on both alike.
 *
 * @param ask answers how long it took, in ms
 */
export const sample = async <T>(groups: Record<keyof Samples, T[]>, ask: (member: T) => Promise<number>) => {
  const samples: Samples = { known: [], unknown: [] }
  const members = (group: keyof Samples) => groups[group].map((member) => ({ group, member }))
  for (const { group, member } of shuffle([...members('known'), ...members('unknown')])) {
    samples[group].push(await ask(member))
  }
  return samples
}
