import { type CloudEvent, deadLetters, unavailable } from '@rekey/contracts'
import { headers, type MsgHdrs } from 'nats'
import type { Broker } from './broker.ts'
import { hmac, type Keys } from './keys.ts'
import { counter, gauge, type Metrics } from './metrics.ts'
import { isRejection, messageOf } from './publisher.ts'

export interface DeadLetter {
  /** Type of the event, which is also its subject. */
  type: string
  data: Uint8Array | string
  /** The event's own headers. */
  headers: Iterable<[string, string[]]> | undefined
  /** Why the event could not be handled or published, for the operator. */
  reason: string
  /** Equal at every attempt, so that the stream drops a repeat. */
  msgID: string
}

export interface DeadLetters {
  /** Stores a message as `dead.<type>` and counts it. @throws RekeyError unavailable, as `Publisher.publish` does */
  store(letter: DeadLetter): Promise<void>
  /** The same for an event that could not be published. */
  storeEvent(event: CloudEvent, reason: string): Promise<void>
}

const timeoutMs = 1_500

/** Header of a dead letter that its event's own publisher stored: an HMAC of the event. */
export const proofHeader = 'rekey-proof'

/** The text that proves an event: its attributes and data. */
export const proofText = (headers: Iterable<[string, string[]]>, data: string): string =>
  JSON.stringify([
    ...[...headers].filter(([name]) => name.startsWith('ce-')).toSorted(([one], [other]) => (one < other ? -1 : 1)),
    data,
  ])

interface Deps {
  broker: Broker
  metrics: Metrics
  /**
   * Keys that only the publisher of the stored events has. Consumers may store dead letters of the same subjects: with
   * the HMAC a replay tells apart what the publisher stored.
   */
  proofKeys?: Keys | undefined
}

const copyOf = (original: Iterable<[string, string[]]>): MsgHdrs => {
  const copy = headers()
  for (const [name, values] of original) for (const value of values) copy.append(name, value)
  return copy
}

/**
 * Stores events that cannot be handled or published, with the reason in the header `rekey-reason`. Data that the broker
 * rejects is left out.
 */
export const createDeadLetters = ({ broker, metrics, proofKeys }: Deps): DeadLetters => {
  const stored = counter(metrics, {
    name: 'rekey_dead_letters_total',
    help: 'Events that this process stored as dead letters',
    labels: { event: 'types of events' },
  })
  gauge(metrics, {
    name: 'rekey_dead_letter_messages',
    help: 'Messages in the stream of dead letters, of all services; missing while the broker does not answer',
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
    // msgID replaces the event's own id: with that, DEAD could drop the dead letter as a repeat.
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
      // An event may be too large for DEAD too: store the dead letter without data, so that the operator sees it.
      meta.set('rekey-data-omitted', `${Buffer.byteLength(data)} bytes`)
      return publish('')
    })
    stored.inc({ event: type })
  }
  return {
    store,
    storeEvent: async (event, reason) => {
      const { data, headers } = messageOf(event)
      if (proofKeys) headers.set(proofHeader, hmac(proofKeys.current, proofText(headers, data)))
      await store({ type: event.type, data, headers, reason, msgID: `${event.source}.${event.id}` })
    },
  }
}
