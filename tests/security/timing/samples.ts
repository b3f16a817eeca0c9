import { shuffle } from 'simple-statistics'
import { Client, type Dispatcher } from 'undici'
import type { Samples } from './welch.ts'

interface TimedAnswer {
  status: number
  text: string
  /** From before the first byte is sent until the last is received. */
  ms: number
}

/** Opens one connection to a server, for one request at a time. */
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
 * Takes one sample of each member of both groups, in random order, so that drift and work that a request leaves behind
 * affect both groups alike.
 *
 * @param ask returns how long the request took, in ms
 */
export const sample = async <T>(groups: Record<keyof Samples, T[]>, ask: (member: T) => Promise<number>) => {
  const samples: Samples = { known: [], unknown: [] }
  const members = (group: keyof Samples) => groups[group].map((member) => ({ group, member }))
  for (const { group, member } of shuffle([...members('known'), ...members('unknown')])) {
    samples[group].push(await ask(member))
  }
  return samples
}
