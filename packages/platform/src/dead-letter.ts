import { type CloudEvent, deadLetters, unavailable } from '@rekey/contracts'
import { headers, type MsgHdrs } from 'nats'
import type { Broker } from './broker.ts'
import { counter, gauge, type Metrics } from './metrics.ts'
import { isRejection, messageOf } from './publisher.ts'

export interface DeadLetter {
  /** Type of the event, which is its subject too. */
  type: string
  data: Uint8Array | string
  /** The event's own headers. */
  headers: Iterable<[string, string[]]> | undefined
  /** For the operator: why it could not be handled or published. */
  reason: string
  /** The same at every try: DEAD drops a repeat. */
  msgID: string
}

export interface DeadLetters {
  /** Stores a message as `dead.<type>` and counts it. @throws RekeyError unavailable, as `Publisher.publish` does */
  store(letter: DeadLetter): Promise<void>
  /** The same for an event that was not published. */
  storeEvent(event: CloudEvent, reason: string): Promise<void>
}

const timeoutMs = 1_500

const copyOf = (original: Iterable<[string, string[]]>): MsgHdrs => {
  const copy = headers()
  for (const [name, values] of original) for (const value of values) copy.append(name, value)
  return copy
}

/** Keeps what can be neither handled nor published for the operator, with the reason in the header `rekey-reason`, without data that the broker refuses. */
export const createDeadLetters = ({ broker, metrics }: { broker: Broker; metrics: Metrics }): DeadLetters => {
  const stored = counter(metrics, {
    name: 'rekey_dead_letters_total',
    help: 'Events that this process gave up and stored as dead letters',
    labelNames: ['event'],
  })
  gauge(metrics, {
    name: 'rekey_dead_letter_messages',
    help: 'Messages in the stream of dead letters, of all services; absent while the broker does not answer',
    async collect() {
      try {
        const jsm = await broker.connection().jetstreamManager({ timeout: timeoutMs, checkAPI: false })
        this.set((await jsm.streams.info(deadLetters.name)).state.messages)
      } catch {
        this.remove()
      }
    },
  })

  const store = async ({ type, data, headers: original = [], reason, msgID }: DeadLetter) => {
    const meta = copyOf(original)
    // Set anew from msgID: the event's own id would be another message's.
    meta.delete('Nats-Msg-Id')
    meta.set('rekey-reason', reason.replaceAll(/\s+/g, ' '))
    const publish = async (payload: DeadLetter['data']) => {
      const connection = broker.connection()
      const options = { headers: meta, msgID, timeout: timeoutMs }
      try {
        await connection.jetstream({ timeout: timeoutMs }).publish(`dead.${type}`, payload, options)
      } catch (cause) {
        throw unavailable(cause)
      }
    }
    await publish(data).catch((error) => {
      if (!isRejection(error)) throw error
      // Too large for the event's own stream is too large for this one: the operator still learns that it existed.
      meta.set('rekey-data-omitted', `${Buffer.byteLength(data)} bytes`)
      return publish('')
    })
    stored.inc({ event: type })
  }
  return {
    store,
    storeEvent: (event, reason) =>
      store({ type: event.type, ...messageOf(event), reason, msgID: `${event.source}.${event.id}` }),
  }
}
