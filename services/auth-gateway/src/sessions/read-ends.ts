import { accessTokenSeconds, durableName, type EventDefinition, SessionRevoked } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import type { Now } from '@rekey/platform/clock'
import { PermanentError } from '@rekey/platform/consumer'
import { compileCheck } from '@rekey/platform/validation'
import { type JetStreamManager, NatsError, type StoredMsg, type StreamInfo } from 'nats'
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

/** The first message from a sequence number on. @returns undefined if there is none */
const nextMessage = async (jsm: JetStreamManager, stream: Stream, seq: number, subject = '>') => {
  const query = { seq, next_by_subj: subject } as unknown as { seq: number }
  try {
    return await jsm.streams.getMessage(stream, query)
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.code === 404) return undefined
    throw error
  }
}

/** The last sequence number before a time. */
const sequenceBefore = async (jsm: JetStreamManager, { config, state }: StreamInfo, time: Date): Promise<number> => {
  let [low, high] = [state.first_seq, state.last_seq + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const message = await nextMessage(jsm, config.name as Stream, middle)
    if (!message || message.time >= time) high = middle
    else low = message.seq + 1
  }
  return low - 1
}

const valid = new Map(
  [...endingEvents, SessionRevoked].map((event: EventDefinition) => [event.type, compileCheck(event.data)]),
)

/** @returns undefined if a consumer would refuse the message */
const dataOf = <T>(message: StoredMsg): T | undefined => {
  const { subject, header } = message
  if (header.get('ce-type') !== subject) return undefined
  try {
    const data = message.json<T>()
    return valid.get(subject)?.(data) ? data : undefined
  } catch {
    return undefined
  }
}

/** Reads from the streams what ended sessions, and applies it to Redis again. Safe to repeat. */
export const createEndReader = ({ broker, endAll, endOne, longestMs, now }: Deps) => {
  const endAllAgain = async (message: StoredMsg): Promise<void> => {
    const end = dataOf<End>(message)
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
    const endingTypes = new Set(endingEvents.map(({ type }) => type))
    for (let first = from + 1; first <= to; first += atOnce) {
      const sequences = Array.from({ length: Math.min(atOnce, to - first + 1) }, (_, index) => first + index)
      const messages = await Promise.all(
        sequences.map(async (seq) => {
          const message = await nextMessage(jsm, 'PASSWORD', seq)
          return message?.seq === seq ? message : undefined
        }),
      )
      // In order: an event that keeps a session must not follow a later one.
      for (const message of messages) if (message && endingTypes.has(message.subject)) await endAllAgain(message)
    }
  }

  const readRevoked = async (jsm: JetStreamManager, from: number, to: number): Promise<void> => {
    for (let seq = from + 1; seq <= to; ) {
      const message = await nextMessage(jsm, 'AUTH', seq, SessionRevoked.type)
      if (!message) return
      const revoked = dataOf<SessionName>(message)
      const until = new Date(message.time.getTime() + accessTokenSeconds * 1_000)
      if (revoked) await endOne(revoked, until)
      seq = message.seq + 1
    }
  }

  return {
    /**
     * What the consumers of all instances have applied to Redis up to now.
     *
     * @throws if the broker does not answer
     */
    async position(): Promise<Position> {
      const jsm = await manager(broker)
      // Revocations are in Redis before they are published. Read before the consumers, so that it is no later.
      const [auth, password] = await Promise.all([jsm.streams.info('AUTH'), jsm.streams.info('PASSWORD')])
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
        const info = await jsm.streams.info(stream)
        const from = after[stream] ?? (await sequenceBefore(jsm, info, oldest))
        await read[stream](jsm, from, info.state.last_seq)
      }
    },
  }
}

export type EndReader = ReturnType<typeof createEndReader>
