import type { JetStreamManager, StoredMsg } from 'nats'

/** Streams that keep messages after delivery. */
export type KeptStream = 'AUTH' | 'PASSWORD' | 'DEAD'

export interface StoredEvent {
  id: string
  type: string
  /** The customer's code, or the challenge. */
  subject: string
  /** Clock of the publishing service. */
  time: Date
  data: Record<string, unknown>
}

const toEvent = (message: StoredMsg): StoredEvent => {
  const header = (name: string) => message.header?.get(name) ?? ''
  // Poison may not be JSON.
  const parse = () => {
    try {
      return message.json<StoredEvent['data']>()
    } catch {
      return {}
    }
  }
  return {
    id: header('ce-id'),
    type: message.subject,
    subject: header('ce-subject'),
    time: new Date(header('ce-time')),
    data: parse(),
  }
}

/** Messages that are requested at a time. */
const batchSize = 100

/** Every message of a stream, read from its leader. */
export const readStream = async (jsm: JetStreamManager, stream: KeptStream): Promise<StoredEvent[]> => {
  const { state } = await jsm.streams.info(stream)
  const events: StoredEvent[] = []
  // An empty stream has the first sequence 0 or 1, depending on the server; neither can be requested.
  if (state.messages === 0) return events
  for (let first = state.first_seq; first <= state.last_seq; first += batchSize) {
    const numbers = Array.from({ length: Math.min(batchSize, state.last_seq - first + 1) }, (_, index) => first + index)
    const messages = await Promise.all(numbers.map((seq) => jsm.streams.getMessage(stream, { seq })))
    events.push(...messages.map(toEvent))
  }
  return events
}
