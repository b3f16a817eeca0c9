import { setTimeout as delay } from 'node:timers/promises'
import type { PasswordVerifyReply } from '@rekey/contracts'
import { sql } from '@rekey/testing/customers'
import type { ReceivedMessage } from '@rekey/testing/inbox'
import { type JetStreamManager, type NatsConnection, ServiceError, type StoredMsg } from 'nats'
import { type Verification, verifyHistory } from '../services/password-service/src/history/verification.ts'
import { createClient } from './client.ts'
import type { Seen, Status } from './seen.ts'
import type { System } from './system.ts'

/** Streams whose messages stay where they are. */
const keptStreams = ['AUTH', 'PASSWORD', 'DEAD'] as const
type KeptStream = (typeof keptStreams)[number]

export interface HistoryRow {
  id: number
  customerId: number
  operation: string
  createTime: Date
}

export interface OutboxRow {
  eventId: string
  type: string
  /** The customer's code. */
  subject: string
  changeId: number | null
}

export interface StoredEvent {
  id: string
  type: string
  /** The customer's code, or the challenge. */
  subject: string
  /** By the clock of whoever it happened at. */
  time: Date
  data: Record<string, unknown>
}

/** A code that was handed on for a restore, and counted. */
export interface RestoreSend {
  challengeId: string
  sendNumber: number
  customerId: number
}

/** A wrong code of a restore that counts against a customer. */
export interface WrongCode {
  challengeId: string
  attempt: number
  customerId: number
  failedAt: Date
}

/** What the stores hold, and what the product answers, when all is over. */
export interface Held {
  readAt: Date
  history: HistoryRow[]
  /** In the order of their commits. */
  outbox: OutboxRow[]
  spentTokens: Set<string>
  /** How often all sessions of a customer were ended, by the customer's id. */
  sessionEpochs: Map<number, number>
  verification: Verification
  restoreSends: RestoreSend[]
  /** Whose restores are open, by the challenge: the customer's id. */
  openRestores: Map<string, number>
  wrongCodes: WrongCode[]
  /** Until when wrong codes are forgiven, by the customer's id. */
  forgivenAt: Map<number, Date>
  /** In the order of their stream. */
  events: Record<KeptStream, StoredEvent[]>
  /** What of the work is not done yet. */
  waiting: string[]
  messages: ReceivedMessage[]
  /** Tokens of sign-ins that are still good. */
  activeTokens: Set<string>
  /** Whether it is the customer's password now. */
  isPassword(email: string, password: string): Promise<boolean>
}

const toEvent = (message: StoredMsg): StoredEvent => ({
  id: message.header.get('ce-id'),
  type: message.subject,
  subject: message.header.get('ce-subject'),
  time: new Date(message.header.get('ce-time')),
  data: message.json(),
})

/** Asked for at a time. */
const batchSize = 100

/** Every message that a stream holds, as its leader has it. */
const readStream = async (jsm: JetStreamManager, stream: KeptStream): Promise<StoredEvent[]> => {
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

const readDatabase = async (databaseUrl: string) => {
  const [history, outbox, spent, customers, verification, restoreSends, openRestores, wrongCodes] = await Promise.all([
    sql<HistoryRow>(
      databaseUrl,
      `SELECT id, customer_id AS "customerId", operation::text, create_time AS "createTime"
       FROM password_change ORDER BY id`,
    ),
    sql<OutboxRow>(
      databaseUrl,
      `SELECT event_id::text AS "eventId", type, subject, (data->>'changeId')::int AS "changeId"
       FROM outbox ORDER BY id`,
    ),
    sql<{ jti: string }>(databaseUrl, 'SELECT jti::text FROM spent_token'),
    sql<{ id: number; epoch: number; forgivenAt: Date | null }>(
      databaseUrl,
      'SELECT id, session_epoch AS epoch, forgiven_at AS "forgivenAt" FROM customer',
    ),
    verifyHistory(databaseUrl),
    sql<RestoreSend>(
      databaseUrl,
      `SELECT challenge_id::text AS "challengeId", send_number AS "sendNumber", customer_id AS "customerId"
       FROM restore_send`,
    ),
    sql<{ challengeId: string; customerId: number }>(
      databaseUrl,
      'SELECT challenge_id::text AS "challengeId", customer_id AS "customerId" FROM restore_request',
    ),
    sql<WrongCode>(
      databaseUrl,
      `SELECT challenge_id::text AS "challengeId", attempt, customer_id AS "customerId", failed_at AS "failedAt"
       FROM restore_failure WHERE customer_id IS NOT NULL`,
    ),
  ])
  return {
    history,
    outbox,
    spentTokens: new Set(spent.map(({ jti }) => jti)),
    sessionEpochs: new Map(customers.map(({ id, epoch }) => [id, epoch])),
    verification,
    restoreSends,
    openRestores: new Map(openRestores.map(({ challengeId, customerId }) => [challengeId, customerId])),
    wrongCodes,
    forgivenAt: new Map(customers.flatMap(({ id, forgivenAt }) => (forgivenAt ? [[id, forgivenAt]] : []))),
  }
}

/** By the gateway, which knows sessions from events alone, for both tokens of each sign-in. */
const findActive = async (origin: string, seen: Seen): Promise<Set<string>> => {
  const note = (step: string, status: Status) => seen.note(step, status)
  const client = createClient(origin, { note, stopped: new AbortController().signal })
  const isActive = async (token: string) => {
    const body = { token, client_id: 'backend_fin', client_secret: 'secretkey' }
    const reply = await client.insist({ step: 'A6 introspect', path: '/oauth/v2/introspect', body })
    if (reply.status !== 200) throw new Error(`introspection answered ${reply.status}`)
    return reply.body.active
  }
  const active = new Set<string>()
  for (const { accessToken, refreshToken } of seen.signIns) {
    const tokens = [accessToken, refreshToken]
    const answers = await Promise.all(tokens.map(isActive))
    for (const [index, token] of tokens.entries()) if (answers[index] === true) active.add(token)
  }
  return active
}

interface Reading {
  system: System
  /** To the broker itself, by no link. */
  connection: NatsConnection
  seen: Seen
  waiting: string[]
  messages: ReceivedMessage[]
}

/** Of a question: whoever answers may be busy with what was left over. */
const mostTries = 10
const pauseMs = 500

/** Reads everything, once nothing is on its way any more. */
export const readHeld = async ({ system, connection, seen, waiting, messages }: Reading): Promise<Held> => {
  const jsm = await connection.jetstreamManager()
  const read = await Promise.all(keptStreams.map(async (stream) => [stream, await readStream(jsm, stream)] as const))
  return {
    readAt: new Date(),
    ...(await readDatabase(system.databaseUrl)),
    events: Object.fromEntries(read) as Held['events'],
    waiting,
    messages,
    activeTokens: await findActive(system.originOfNewcomers, seen),
    async isPassword(username, password) {
      const question = JSON.stringify({ username, password })
      for (let tries = 1; ; tries += 1) {
        try {
          const answer = await connection.request('password.verify', question, { timeout: 5_000 })
          const refusal = ServiceError.toServiceError(answer)
          if (refusal) throw refusal
          return answer.json<PasswordVerifyReply>().verified
        } catch (error) {
          if (tries === mostTries) throw error
          await delay(pauseMs)
        }
      }
    },
  }
}
