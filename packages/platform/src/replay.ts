import { timingSafeEqual } from 'node:crypto'
import {
  consumedEvents,
  deadLetters,
  durableName,
  type EventDefinition,
  type ReplayReply,
  type ReplayRequest,
  replayNotes,
  replayRpcs,
  type ServiceName,
  type StreamDefinition,
  streams,
  unavailable,
} from '@rekey/contracts'
import { ErrorCode, headers, type JetStreamManager, type MsgHdrs, NatsError, type StoredMsg } from 'nats'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import { proofHeader, proofText } from './dead-letter.ts'
import { hmac, type Keys } from './keys.ts'
import type { Logger } from './logger.ts'
import type { Rpc } from './rpc.ts'
import { lastStored } from './stored-events.ts'
import { compileCheck } from './validation.ts'

interface Deps {
  service: ServiceName
  broker: Broker
  /** The keys with which this service proves dead letters that it stored itself. */
  proofKeys: Keys | undefined
  now: Now
  log: Logger
}

const timeoutMs = 1_500

/** Within it the broker drops a second publication of the same replay (`duplicate_window`: ten minutes), with a reserve. */
const repeatableMs = 480_000

/** Why a dead letter is not replayed. */
class Refusal extends Error {}

interface Source {
  stream: string
  event: EventDefinition
  isWorkQueue: boolean
}

const sourceOf = (type: string): (Source & { publisher: ServiceName }) | undefined => {
  for (const [stream, { events, publisher, workQueue }] of Object.entries<StreamDefinition>(streams)) {
    const event = events.find((one) => one.type === type)
    if (event) return { stream, event, publisher, isWorkQueue: workQueue }
  }
  return undefined
}

const stored = async (jsm: JetStreamManager, stream: string, seq: number): Promise<StoredMsg | undefined> => {
  try {
    return await jsm.streams.getMessage(stream, { seq })
  } catch (error) {
    if (error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages) return undefined
    throw error
  }
}

const isEqual = (one: string, other: string) =>
  one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))

/** The place of the event in its stream, which a consumer puts in the id of its dead letter. */
const placeOf = (id: string, type: string): number | undefined => {
  const durables = Object.entries(consumedEvents).flatMap(([service, events]) =>
    events.some((event) => event.type === type) ? durableName(service, type) : [],
  )
  const durable = durables.find((name) => id.startsWith(`${name}.`))
  const sequence = Number(id.slice((durable?.length ?? 0) + 1))
  return durable !== undefined && Number.isSafeInteger(sequence) && sequence > 0 ? sequence : undefined
}

/** Headers of the event alone. */
const eventHeaders = (letter: StoredMsg): MsgHdrs => {
  const meta = headers()
  for (const [name, values] of letter.header) {
    if (/^(rekey-|nats-)/i.test(name)) continue
    for (const value of values) meta.append(name, value)
  }
  return meta
}

/** @throws Refusal unless the data is a valid event that has not expired */
const assertUseful = (letter: StoredMsg, { event }: Source, now: Date): void => {
  if (letter.header.has('rekey-data-omitted')) throw new Refusal('its data was too large to be kept')
  let data: unknown
  try {
    data = letter.json()
  } catch {
    throw new Refusal('its data is not JSON')
  }
  if (!compileCheck(event.data)(data)) throw new Refusal('its data does not match the contract of this version')
  const { expiresAt } = data as { expiresAt?: unknown }
  if (typeof expiresAt === 'string' && new Date(expiresAt) <= now) throw new Refusal(`it expired at ${expiresAt}`)
}

/**
 * Serves the replay of dead letters of this service's own events. The broker lets only the publisher of an event publish
 * it, so an operator names a dead letter and cannot give its content. Consumers may store dead letters too, and what they
 * store must not become an event that others read (S47): of AUTH and PASSWORD only an event is replayed that is equal in
 * its stream, or that this service stored itself. Events of work queues have one consumer, which could deceive only itself.
 */
export const createReplay = ({ service, broker, proofKeys, now, log }: Deps): Rpc => {
  const isProven = (letter: StoredMsg) => {
    const proof = letter.header.get(proofHeader)
    const text = proofText(letter.header, letter.string())
    return proof !== '' && (proofKeys?.all ?? []).some((key) => isEqual(hmac(key, text), proof))
  }

  /** @throws Refusal */
  const assertGenuine = async (jsm: JetStreamManager, letter: StoredMsg, { stream, event, isWorkQueue }: Source) => {
    if (isWorkQueue || isProven(letter)) return
    const place = placeOf(letter.header.get('Nats-Msg-Id'), event.type)
    const original = place === undefined ? undefined : await stored(jsm, stream, place)
    const isSame =
      original?.subject === event.type &&
      Buffer.from(original.data).equals(letter.data) &&
      proofText(original.header, '') === proofText(letter.header, '')
    if (!isSame) throw new Refusal(`the stream ${stream} does not have this event any more: its origin is not proven`)
  }

  /** Stores that the replay begins. @throws Refusal if one began too long ago to be repeated safely */
  const begin = async (jsm: JetStreamManager, { sequence, evenIfSent }: ReplayRequest, id: string) => {
    const subject = `${replayNotes}.${sequence}`
    const note = await lastStored(jsm, deadLetters.name, subject)
    if (!note) {
      await broker
        .connection()
        .jetstream({ timeout: timeoutMs })
        .publish(subject, '', { msgID: `begun.${id}` })
      return
    }
    if (now().getTime() - note.time.getTime() <= repeatableMs || evenIfSent) return
    throw new Refusal(
      `a replay began at ${note.time.toISOString()} and may have succeeded: drop the dead letter, or replay it with --even-if-sent`,
    )
  }

  const replay = async (request: ReplayRequest) => {
    const { sequence } = request
    const jsm = await broker.connection().jetstreamManager({ timeout: timeoutMs, checkAPI: false })
    const letter = await stored(jsm, deadLetters.name, sequence)
    const type = letter?.subject.replace(/^dead\./, '') ?? ''
    const source = sourceOf(type)
    if (!letter || !source) throw new Refusal('there is no such dead letter')
    if (source.publisher !== service) throw new Refusal(`its event is published by the ${source.publisher}`)
    assertUseful(letter, source, now())
    await assertGenuine(jsm, letter, source)
    // Not the event's own id: within the window the broker would drop it as a repeat of the first publication.
    const id = `replay.${sequence}.${letter.header.get('Nats-Msg-Id')}`
    await begin(jsm, request, id)
    const options = { msgID: id, headers: eventHeaders(letter), timeout: timeoutMs }
    const { seq, duplicate } = await broker
      .connection()
      .jetstream({ timeout: timeoutMs })
      .publish(type, letter.data, options)
    log.event('dead_letter_replayed', {
      sequence,
      type,
      eventId: letter.header.get('ce-id'),
      streamSequence: seq,
      duplicate,
    })
  }

  return {
    rpc: replayRpcs[service],
    async answer(request: ReplayRequest): Promise<ReplayReply> {
      try {
        await replay(request)
        return { outcome: 'replayed' }
      } catch (error) {
        if (!(error instanceof Refusal)) throw unavailable(error)
        log.event('dead_letter_replay_refused', { sequence: request.sequence, reason: error.message })
        return { outcome: 'refused', reason: error.message }
      }
    },
  }
}
