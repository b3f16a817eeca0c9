import { setTimeout as delay } from 'node:timers/promises'
import type { PasswordVerifyReply } from '@rekey/contracts'
import { sql } from '@rekey/test-support/customers'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import { type NatsConnection, ServiceError } from 'nats'
import { type Verification, verifyHistory } from '../../services/password-service/src/history/verification.ts'
import { createClient } from './client.ts'
import type { ClientLog, Status } from './client-log.ts'
import { readRows } from './outbox.ts'
import type { Poison } from './poison.ts'
import type { Prefilled } from './prefilled-database.ts'
import { readSecondFactors, type SecondFactorState, waitingOperations } from './second-factor-state.ts'
import { type KeptStream, readStream, type StoredEvent } from './stored-events.ts'
import type { System } from './system.ts'

/** A new password in the history. */
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
  /** `opened`, `half`, `last` or `vetoed`, if it is a notification of a waiting restore. */
  notice: string | null
}

/** A code of a restore that was handed to the notifier, and counted. */
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
  isHeld: boolean
  isDeadLetter: boolean
}

/** The contents of the stores and the product's answers after the run. */
export interface FinalState extends SecondFactorState {
  readAt: Date
  history: HistoryRow[]
  /** In the order of their commits. */
  outbox: OutboxRow[]
  spentTokens: Set<string>
  /** By customer id: number of session epochs in the events; -1 if the customer's epoch is not the last of them. */
  sessionEpochs: Map<number, number>
  verification: Verification
  /** Number of history records before the run. */
  prefilledRecords: number
  restoreSends: RestoreSend[]
  /** Open restores: the customer id by challenge. */
  openRestores: Map<string, number>
  wrongCodes: WrongCode[]
  /** When the failed attempts were last reset, by customer id. */
  failuresResetAt: Map<number, Date>
  poison: PoisonState[]
  /** In the order of each stream; AUTH and PASSWORD without poison. */
  events: Record<KeptStream, StoredEvent[]>
  /** Work that is not done yet. */
  waiting: string[]
  messages: ReceivedMessage[]
  codesLiveMs: number
  /** Long failures of parts that a code passes on its way to the customer. */
  codesDelayed: { from: Date; to: Date }[]
  /** Tokens of sign-ins that are still active. */
  activeTokens: Set<string>
  /** True if it is the customer's password now. */
  isPassword(email: string, password: string): Promise<boolean>
}

/** Rows of the run, without poison and the rows that filled the database before. */
const readDatabase = async (
  databaseUrl: string,
  { customers: lastCustomer, records, outboxIds }: Prefilled,
  poison: string[],
) => {
  const [history, outbox, spent, customers, verification, restoreSends, openRestores, wrongCodes] = await Promise.all([
    sql<HistoryRow>(
      databaseUrl,
      `SELECT id, customer_id AS "customerId", operation::text, create_time AS "createTime"
       FROM password_change WHERE id > $1 AND operation::text <> ALL($2::text[]) ORDER BY id`,
      [records, waitingOperations],
    ),
    sql<OutboxRow>(
      databaseUrl,
      `SELECT event_id::text AS "eventId", type, subject, (data->>'changeId')::int AS "changeId", data->>'notice' AS notice
       FROM outbox WHERE id > $1 AND event_id <> ALL($2::uuid[]) ORDER BY id`,
      [outboxIds, poison],
    ),
    sql<{ jti: string }>(databaseUrl, 'SELECT jti::text FROM spent_token'),
    sql<{ id: number; epoch: number; forgivenAt: Date | null }>(
      databaseUrl,
      `SELECT c.id, c.forgiven_at AS "forgivenAt", CASE
         WHEN coalesce(max((o.data->>'sessionEpoch')::int), 0) = c.session_epoch
         THEN count(DISTINCT o.data->>'sessionEpoch')::int ELSE -1 END AS epoch
       FROM customer c LEFT JOIN outbox o ON o.subject = c.code AND o.id > $2 AND o.event_id <> ALL($3::uuid[])
       WHERE c.id > $1 GROUP BY c.id`,
      [lastCustomer, outboxIds, poison],
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
    prefilledRecords: records,
    restoreSends,
    openRestores: new Map(openRestores.map(({ challengeId, customerId }) => [challengeId, customerId])),
    wrongCodes,
    failuresResetAt: new Map(customers.flatMap(({ id, forgivenAt }) => (forgivenAt ? [[id, forgivenAt]] : []))),
  }
}

/** Introspects both tokens of each sign-in at the gateway, which learns of ended sessions from events. */
const findActive = async (origin: string, clientLog: ClientLog): Promise<Set<string>> => {
  const note = (step: string, status: Status) => clientLog.note(step, status)
  const client = createClient(origin, { note, stopped: new AbortController().signal })
  const isActive = async (token: string) => {
    const body = { token, client_id: 'backend_fin', client_secret: 'secretkey' }
    const reply = await client.callUntilAnswered({ step: 'A6 introspect', path: '/oauth/v2/introspect', body })
    if (reply.status !== 200) throw new Error(`introspection answered ${reply.status}`)
    return reply.body.active
  }
  const active = new Set<string>()
  for (const { accessToken, refreshToken } of clientLog.signIns) {
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
    const { isPublished = false, isHeld = false } = byId.get(one.id) ?? {}
    return { ...one, isPublished, isHeld, isDeadLetter: deadIds.has(one.id) }
  })
}

interface Reading extends Pick<FinalState, 'waiting' | 'messages' | 'codesLiveMs' | 'codesDelayed'> {
  system: System
  prefilled: Prefilled
  poison: Poison[]
  /** Direct connection to the broker, without a link. */
  connection: NatsConnection
  clientLog: ClientLog
}

/** Attempts of an RPC: the service may be busy with the backlog of the run. */
const mostTries = 10
const pauseMs = 500

/** Reads all stores. Call it once no event is waiting. */
export const readFinalState = async ({
  system,
  connection,
  clientLog,
  prefilled,
  poison,
  ...rest
}: Reading): Promise<FinalState> => {
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
    ...(await readDatabase(system.databaseUrl, prefilled, [...ids])),
    ...(await readSecondFactors(system.databaseUrl, prefilled.records)),
    poison: await readPoison(system.databaseUrl, poison, DEAD),
    events: { AUTH: AUTH.filter(isOwn), PASSWORD: PASSWORD.filter(isOwn), DEAD },
    ...rest,
    activeTokens: await findActive(system.cleanOrigin, clientLog),
    async isPassword(username, password) {
      const request = JSON.stringify({ username, password })
      for (let tries = 1; ; tries += 1) {
        try {
          const answer = await connection.request('password.verify', request, { timeout: 5_000 })
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
