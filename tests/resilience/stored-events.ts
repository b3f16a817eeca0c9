import type { JetStreamManager, StoredMsg } from 'nats'

/** Streams whose messages stay where they are. */
export type KeptStream = 'AUTH' | 'PASSWORD' | 'DEAD'

export interface StoredEvent {
  id: string
  type: string
  /** The customer's code, or the challenge. */
  subject: string
  /** By the clock of whoever it happened at. */
  time: Date
  data: Record<string, unknown>
}

const toEvent = (message: StoredMsg): StoredEvent => {
  const header = (name: string) => message.header?.get(name) ?? ''
  // Poison may be anything.
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

/** Asked for at a time. */
const batchSize = 100

/** Every message that a stream holds, as its leader has it. */
export const readStream = async (jsm: JetStreamManager, stream: KeptStream): Promise<StoredEvent[]> => {
  const { state } = await jsm.streams.info(stream)
  const events: StoredEvent[] = []
  // The first message of a stream that never had one is number 0 or 1, as its server likes: neither can be asked for.
  if (state.messages === 0) return events
  for (let first = state.first_seq; first <= state.last_seq; first += batchSize) {
    const numbers = Array.from({ length: Math.min(batchSize, state.last_seq - first + 1) }, (_, index) => first + index)
    const messages = await Promise.all(numbers.map((seq) => jsm.streams.getMessage(stream, { seq })))
    events.push(...messages.map(toEvent))
  }
  return events
}
