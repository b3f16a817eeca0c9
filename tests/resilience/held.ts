import { setTimeout as delay } from 'node:timers/promises'
import type { PasswordVerifyReply } from '@rekey/contracts'
import { sql } from '@rekey/test-support/customers'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import { type NatsConnection, ServiceError } from 'nats'
import { type Verification, verifyHistory } from '../../services/password-service/src/history/verification.ts'
import { createClient } from './client.ts'
import type { Grown } from './grown-database.ts'
import { readRows } from './outbox.ts'
import type { Poison } from './poison.ts'
import type { Seen, Status } from './seen.ts'
import { type KeptStream, readStream, type StoredEvent } from './stored-events.ts'
import type { System } from './system.ts'

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

/** The outcome of a poison event. */
export interface PoisonState extends Poison {
  /** True if it was in the outbox and was published. */
  isPublished: boolean
  isPutAside: boolean
  isDeadLetter: boolean
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
  /** Records of the history that were there before the run. */
  grownRecords: number
  restoreSends: RestoreSend[]
  /** Whose restores are open, by the challenge: the customer's id. */
  openRestores: Map<string, number>
  wrongCodes: WrongCode[]
  /** Until when wrong codes are forgiven, by the customer's id. */
  forgivenAt: Map<number, Date>
  poison: PoisonState[]
  /** In the order of their stream, without poison but on DEAD. */
  events: Record<KeptStream, StoredEvent[]>
  /** What of the work is not done yet. */
  waiting: string[]
  messages: ReceivedMessage[]
  codesLiveMs: number
  /** Long faults of what a code passes on its way to the customer. */
  codesHeldUp: { from: Date; to: Date }[]
  /** Tokens of sign-ins that are still good. */
  activeTokens: Set<string>
  /** Whether it is the customer's password now. */
  isPassword(email: string, password: string): Promise<boolean>
}

/** Rows of the run: those that filled the database before it, and poison, are left out. */
const readDatabase = async (
  databaseUrl: string,
  { customers: lastCustomer, records, outboxIds }: Grown,
  poison: string[],
) => {
  const [history, outbox, spent, customers, verification, restoreSends, openRestores, wrongCodes] = await Promise.all([
    sql<HistoryRow>(
      databaseUrl,
      `SELECT id, customer_id AS "customerId", operation::text, create_time AS "createTime"
       FROM password_change WHERE id > $1 ORDER BY id`,
      [records],
    ),
    sql<OutboxRow>(
      databaseUrl,
      `SELECT event_id::text AS "eventId", type, subject, (data->>'changeId')::int AS "changeId"
       FROM outbox WHERE id > $1 AND event_id <> ALL($2::uuid[]) ORDER BY id`,
      [outboxIds, poison],
    ),
    sql<{ jti: string }>(databaseUrl, 'SELECT jti::text FROM spent_token'),
    sql<{ id: number; epoch: number; forgivenAt: Date | null }>(
      databaseUrl,
      'SELECT id, session_epoch AS epoch, forgiven_at AS "forgivenAt" FROM customer WHERE id > $1',
      [lastCustomer],
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
    grownRecords: records,
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

const readPoison = async (databaseUrl: string, poison: Poison[], dead: StoredEvent[]): Promise<PoisonState[]> => {
  const rows = await readRows(
    databaseUrl,
    poison.map(({ id }) => id),
  )
  const byId = new Map(rows.map((row) => [row.eventId, row]))
  const deadIds = new Set(dead.map(({ id }) => id))
  return poison.map((one) => {
    const { isPublished = false, isPutAside = false } = byId.get(one.id) ?? {}
    return { ...one, isPublished, isPutAside, isDeadLetter: deadIds.has(one.id) }
  })
}

interface Reading extends Pick<Held, 'waiting' | 'messages' | 'codesLiveMs' | 'codesHeldUp'> {
  system: System
  grown: Grown
  poison: Poison[]
  /** To the broker itself, by no link. */
  connection: NatsConnection
  seen: Seen
}

/** Of a question: whoever answers may be busy with what was left over. */
const mostTries = 10
const pauseMs = 500

/** Reads everything, once nothing is on its way any more. */
export const readHeld = async ({ system, connection, seen, grown, poison, ...rest }: Reading): Promise<Held> => {
  const jsm = await connection.jetstreamManager()
  const ids = new Set(poison.map(({ id }) => id))
  const [AUTH, PASSWORD, DEAD] = await Promise.all([
    readStream(jsm, 'AUTH'),
    readStream(jsm, 'PASSWORD'),
    readStream(jsm, 'DEAD'),
  ])
  const isOwn = ({ id }: StoredEvent) => !ids.has(id)
  return {
    readAt: new Date(),
    ...(await readDatabase(system.databaseUrl, grown, [...ids])),
    poison: await readPoison(system.databaseUrl, poison, DEAD),
    events: { AUTH: AUTH.filter(isOwn), PASSWORD: PASSWORD.filter(isOwn), DEAD },
    ...rest,
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
