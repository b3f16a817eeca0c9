import { accessTokenSeconds, durableName, type EventDefinition, SessionRevoked } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { PermanentError } from '@rekey/platform/consumer'
import { nextStored, storedEventReader } from '@rekey/platform/stored-events'
import { findStream } from '@rekey/platform/streams'
import type { JetStreamManager, StoredMsg, StreamInfo } from 'nats'
import { assertPlausible, type End, endingEvents } from './end-sessions.consumer.ts'
import type { SessionName } from './sessions.store.ts'

/** The last message of each stream whose effect Redis has for certain. */
export interface Position {
  PASSWORD: number
  AUTH: number
}
type Stream = keyof Position

interface Deps {
  broker: Broker
  /** Ends all sessions of a customer except the kept one. */
  endAll(customer: string, epoch: number, kept?: string): Promise<void>
  /** Ends one session, until no token of it can be valid. */
  endOne(session: SessionName, until: Date): Promise<void>
  /** Ends of sessions that are older concern no session any more. */
  longestMs: number
  now: Now
}

const timeoutMs = 2_000
/** Messages that are read at a time. */
const atOnce = 128
const service = 'auth-gateway'

const manager = (broker: Broker) => broker.connection().jetstreamManager({ timeout: timeoutMs, checkAPI: false })

/** The last sequence number before a time. */
const sequenceBefore = async (jsm: JetStreamManager, { config, state }: StreamInfo, time: Date): Promise<number> => {
  let [low, high] = [state.first_seq, state.last_seq + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const message = await nextStored(jsm, config.name as Stream, middle)
    if (!message || message.time >= time) high = middle
    else low = message.seq + 1
  }
  return low - 1
}

const readers = new Map<string, ReturnType<typeof storedEventReader>>(
  endingEvents.map((event: EventDefinition) => [event.type, storedEventReader(event)]),
)
const readRevocation = storedEventReader(SessionRevoked)

/** Reads from the streams what ended sessions, and applies it to Redis again. Safe to repeat. */
export const createEndReader = ({ broker, endAll, endOne, longestMs, now }: Deps) => {
  const endAllAgain = async (message: StoredMsg): Promise<void> => {
    const end = readers.get(message.subject)?.(message)?.data as End | undefined
    if (!end) return
    try {
      assertPlausible(end, now())
    } catch (error) {
      if (error instanceof PermanentError) return
      throw error
    }
    await endAll(end.customer, end.sessionEpoch, end.keptSession)
  }

  const readPassword = async (jsm: JetStreamManager, from: number, to: number): Promise<void> => {
    for (let first = from + 1; first <= to; first += atOnce) {
      const sequences = Array.from({ length: Math.min(atOnce, to - first + 1) }, (_, index) => first + index)
      const messages = await Promise.all(
        sequences.map(async (seq) => {
          const message = await nextStored(jsm, 'PASSWORD', seq)
          return message?.seq === seq ? message : undefined
        }),
      )
      // In order: an event that keeps a session must not follow a later one.
      for (const message of messages) if (message) await endAllAgain(message)
    }
  }

  const readRevoked = async (jsm: JetStreamManager, from: number, to: number): Promise<void> => {
    for (let seq = from + 1; seq <= to; ) {
      const message = await nextStored(jsm, 'AUTH', seq, SessionRevoked.type)
      if (!message) return
      const revoked = readRevocation(message)?.data
      const until = new Date(message.time.getTime() + accessTokenSeconds * 1_000)
      if (revoked) await endOne(revoked, until)
      seq = message.seq + 1
    }
  }

  return {
    /**
     * The position up to which the consumers of all instances have applied events to Redis.
     *
     * @returns undefined until both streams exist
     * @throws if the broker does not answer
     */
    async position(): Promise<Position | undefined> {
      const jsm = await manager(broker)
      // Revocations are in Redis before they are published. Read before the consumers, so that it is no later.
      const [auth, password] = await Promise.all([findStream(jsm, 'AUTH'), findStream(jsm, 'PASSWORD')])
      if (!auth || !password) return undefined
      const applied = endingEvents.map(async ({ type }) => {
        const info = await jsm.consumers.info('PASSWORD', durableName(service, type))
        const isIdle = info.num_pending === 0 && info.num_ack_pending === 0
        return isIdle ? password.state.last_seq : info.ack_floor.stream_seq
      })
      return { AUTH: auth.state.last_seq, PASSWORD: Math.min(...(await Promise.all(applied))) }
    },

    /**
     * Applies everything after a position again; without one, everything that may concern a session.
     *
     * @throws if the broker or Redis does not answer
     */
    async readAgain(after: Partial<Position>): Promise<void> {
      const jsm = await manager(broker)
      const oldest = new Date(now().getTime() - longestMs)
      const read = { PASSWORD: readPassword, AUTH: readRevoked }
      for (const stream of ['PASSWORD', 'AUTH'] as const) {
        const info = await findStream(jsm, stream)
        // The service that makes it has not started yet: nothing has ended a session.
        if (!info) continue
        const from = after[stream] ?? (await sequenceBefore(jsm, info, oldest))
        await read[stream](jsm, from, info.state.last_seq)
      }
    },
  }
}

export type EndReader = ReturnType<typeof createEndReader>
