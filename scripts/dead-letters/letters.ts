import {
  deadLetters,
  type EventDefinition,
  type ReplayReply,
  replayNotes,
  replayRpcs,
  type ServiceName,
  type StreamDefinition,
  streams,
} from '@rekey/contracts'
import { brokerAccess } from '@rekey/platform/broker-access'
import { connectNats } from '@rekey/platform/broker-transport'
import { loadConfig, serviceEnv } from '@rekey/platform/config'
import { lastStored, nextStored } from '@rekey/platform/stored-events'
import { Type } from '@sinclair/typebox'
import { ErrorCode, NatsError, ServiceError, type StoredMsg } from 'nats'

const { NATS_URL, NATS_CA_FILE, NATS_NKEY_FILE, NATS_CREDENTIALS_FILE, NATS_USER, NATS_PASSWORD } = serviceEnv
const Env = Type.Object({
  NATS_URL,
  NATS_CA_FILE,
  NATS_NKEY_FILE,
  NATS_CREDENTIALS_FILE,
  NATS_USER,
  NATS_PASSWORD,
})

const timeoutMs = 5_000
/** A service may be restarting: asking again is safe. */
const attempts = 4

/** A message of the stream DEAD. */
export interface Letter {
  sequence: number
  /** Type of the event. */
  type: string
  /** Why the event could not be handled or published. */
  reason: string
  storedAt: Date
  eventId: string
  message: StoredMsg
}

const letterOf = (message: StoredMsg): Letter => ({
  sequence: message.seq,
  type: message.subject.replace(/^dead\./, ''),
  reason: message.header.get('rekey-reason'),
  storedAt: message.time,
  eventId: message.header.get('ce-id'),
  message,
})

const isNote = ({ subject }: StoredMsg) => subject.startsWith(`${replayNotes}.`)

/** The event of a type, and the service that publishes it; undefined for an event that this version does not know. */
export const eventOf = (type: string): { event: EventDefinition; publisher: ServiceName } | undefined => {
  for (const { events, publisher } of Object.values<StreamDefinition>(streams)) {
    const event = events.find((one) => one.type === type)
    if (event) return { event, publisher }
  }
  return undefined
}

/**
 * Opens the stream of dead letters as the user of the variables: in production `operator`.
 *
 * @throws ConfigError; Error if the broker does not answer
 */
export const openDeadLetters = async (env: Record<string, string | undefined>) => {
  const config = loadConfig(Env, env)
  const { url, ...access } = brokerAccess(config)
  const connection = await connectNats({
    ...access,
    servers: url.split(','),
    name: 'dead-letters',
    inboxPrefix: '_INBOX.operator',
    timeout: timeoutMs,
    reconnect: false,
  }).catch((cause) => {
    throw new Error(`no connection to the broker: ${(cause as Error).message}`, { cause })
  })
  const jsm = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false })

  const ask = async (publisher: ServiceName, request: object): Promise<ReplayReply> => {
    const answer = await connection.request(replayRpcs[publisher].subject, JSON.stringify(request), {
      timeout: timeoutMs,
    })
    const error = ServiceError.toServiceError(answer)
    if (error) throw error
    return answer.json<ReplayReply>()
  }

  const erase = async (sequence: number): Promise<void> => {
    try {
      await jsm.streams.deleteMessage(deadLetters.name, sequence)
    } catch (error) {
      // Another operator was faster.
      if (!/no message found/i.test((error as Error).message)) throw error
    }
  }

  return {
    /** Every dead letter, the oldest first. */
    async *all(): AsyncGenerator<Letter> {
      let sequence = 1
      for (;;) {
        const message = await nextStored(jsm, deadLetters.name, sequence)
        if (!message) return
        if (!isNote(message)) yield letterOf(message)
        sequence = message.seq + 1
      }
    },

    /** @returns undefined if there is no dead letter with this number */
    async find(sequence: number): Promise<Letter | undefined> {
      const message = await nextStored(jsm, deadLetters.name, sequence)
      return message?.seq === sequence && !isNote(message) ? letterOf(message) : undefined
    },

    /**
     * Lets the publisher of the event publish it again, and then deletes the dead letter. Safe to repeat.
     *
     * @throws Error if the service does not answer: the dead letter stays
     */
    async replay({ sequence, type }: Letter, { evenIfSent }: { evenIfSent: boolean }): Promise<ReplayReply> {
      const known = eventOf(type)
      if (!known) return { outcome: 'refused', reason: 'this version knows no such event' }
      const request = { sequence, ...(evenIfSent && { evenIfSent }) }
      for (let attempt = 1; ; attempt += 1) {
        try {
          const reply = await ask(known.publisher, request)
          if (reply.outcome === 'replayed') await this.drop(sequence)
          return reply
        } catch (error) {
          const isAway =
            error instanceof NatsError && [ErrorCode.NoResponders, ErrorCode.Timeout].includes(error.code as ErrorCode)
          if (isAway && attempt < attempts) continue
          throw isAway ? new Error(`the ${known.publisher} does not answer: start it, and repeat the command`) : error
        }
      }
    },

    /** Deletes a dead letter, and the note that its replay has begun. */
    async drop(sequence: number): Promise<void> {
      await erase(sequence)
      const note = await lastStored(jsm, deadLetters.name, `${replayNotes}.${sequence}`)
      if (note) await erase(note.seq)
    },

    close: () => connection.close(),
  }
}

export type DeadLetterStream = Awaited<ReturnType<typeof openDeadLetters>>
