import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  ChallengeFailed,
  ChallengeIssued,
  ChallengeLocked,
  ChallengeVerified,
  LoginSucceeded,
  NotifyCode,
  NotifyPasswordChanged,
  NotifyResetRequested,
  NotifyRestoreBlocked,
  NotifyTemporaryPassword,
  PasswordChanged,
  PasswordRestored,
  RestoreRequested,
  SessionRevoked,
} from '@rekey/contracts'
import { sql } from '@rekey/test-support/customers'
import { headers, type NatsConnection } from 'nats'

/** An event that cannot be handled, or one that is held behind such an event. */
export interface Poison {
  id: string
  /** The planted defect. */
  what: string
  /** Rejected by the broker; held behind a rejected one; or stored by the broker and dead-lettered by its consumer. */
  fate: 'rejected' | 'held' | 'dead letter'
  /** The event that holds this one, if any. */
  heldBy?: string
}

export interface PoisonSource {
  /** Poison that the broker or the database has stored. */
  sent: Poison[]
  /** Sends no more, and waits until the last one is stored. @throws Error after a minute */
  stop(): Promise<void>
}

const inTenMinutes = () => new Date(Date.now() + 600_000).toISOString()
/** A compact JWE that no key opens. */
const unopenable = 'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA'

const consumed = [
  ...[RestoreRequested, ChallengeIssued, ChallengeVerified, ChallengeFailed, ChallengeLocked],
  ...[LoginSucceeded, SessionRevoked, PasswordChanged, PasswordRestored],
  ...[NotifyCode, NotifyPasswordChanged, NotifyTemporaryPassword, NotifyResetRequested, NotifyRestoreBlocked],
].map(({ type }) => type)

const code = () => ({
  challengeId: randomUUID(),
  purpose: 'restore',
  code: unopenable,
  verificationCode: '0000',
  expiresAt: inTenMinutes(),
})
const unopenableNotification = () => ({
  operation: 'change',
  reportLink: unopenable,
  recipient: unopenable,
  ip: '::1',
  changedAt: new Date().toISOString(),
})

/** Messages that no consumer can handle, in turn: a short run has each type. */
const bodies: { type: string; what: string; body(): string }[] = [
  ...consumed.map((type) => ({ type, what: 'not JSON', body: () => '{"challengeId":' })),
  {
    type: RestoreRequested.type,
    what: 'with a username that does not open',
    body: () => JSON.stringify({ ...code(), sendNumber: 1, clientId: 'ib_localhost', ip: '::1', username: unopenable }),
  },
  {
    type: NotifyCode.type,
    what: 'with a recipient that does not open',
    body: () => JSON.stringify({ ...code(), recipient: unopenable }),
  },
  {
    type: NotifyPasswordChanged.type,
    what: 'with a recipient that does not open',
    body: () => JSON.stringify(unopenableNotification()),
  },
  ...consumed.map((type) => ({
    type,
    what: 'not as the contract says',
    body: () => JSON.stringify({ unknown: true }),
  })),
]

const publishOne = async (connection: NatsConnection, id: string, { type, body }: (typeof bodies)[number]) => {
  const meta = headers()
  meta.set('ce-id', id)
  meta.set('ce-type', type)
  meta.set('ce-subject', 'poison')
  meta.set('ce-time', new Date().toISOString())
  await connection.jetstream({ timeout: 2_000 }).publish(type, body(), { msgID: id, headers: meta })
}

/**
 * Adds three events of a customer that does not exist: one larger than the broker accepts; one of the same stream, which
 * must be held behind it; one of another stream, which must not be held, and which the notifier cannot open.
 */
const addToOutbox = async (databaseUrl: string, tooLarge: number, ids: string[]) => {
  const customer = `poison-${ids[0]}`
  const event = {
    ...{ customer, customerId: 0, changeId: 0, actor: 'client', actorId: customer, clientId: 'ib_localhost' },
    ...{ channel: 'IB', ip: '::1', digest: '0'.repeat(64), sessionEpoch: 1 },
  }
  await sql(
    databaseUrl,
    `INSERT INTO outbox (event_id, type, subject, data, created_at) VALUES
       ($1, '${PasswordChanged.type}', $4, $5::jsonb || jsonb_build_object('keptSession', repeat('x', $7)), now()),
       ($2, '${PasswordChanged.type}', $4, $5, now()),
       ($3, '${NotifyPasswordChanged.type}', $4, $6, now())
     ON CONFLICT (event_id) DO NOTHING`,
    [...ids, customer, JSON.stringify(event), JSON.stringify(unopenableNotification()), tooLarge],
  )
}

interface Options {
  databaseUrl: string
  connection: NatsConnection
  everyMs: number
}

/** Every third turn also adds three events to the outbox. */
const outboxEvery = 3
const pauseMs = 250
const patienceMs = 60_000

/**
 * Sends poison events one after the other, each until it is stored. None belongs to a customer of the run, so that the
 * checks of those customers stay exact.
 */
export const startPoison = ({ databaseUrl, connection, everyMs }: Options): PoisonSource => {
  const stopped = new AbortController()
  const sent: Poison[] = []
  let stoppedAtMs = Number.POSITIVE_INFINITY

  /** Safe to repeat: the broker and the database ignore a known id. */
  const repeatUntilStored = async (work: () => Promise<void>) => {
    for (;;) {
      try {
        return await work()
      } catch (error) {
        if (performance.now() - stoppedAtMs > patienceMs) throw error
        await delay(pauseMs)
      }
    }
  }
  const send = async (poisons: Poison[], work: () => Promise<void>) => {
    await repeatUntilStored(work)
    sent.push(...poisons)
  }

  const turn = async (number: number) => {
    const body = bodies[number % bodies.length] as (typeof bodies)[number]
    const id = randomUUID()
    await send([{ id, what: `${body.type} ${body.what}`, fate: 'dead letter' }], () => publishOne(connection, id, body))
    if (number % outboxEvery !== 0) return
    const [large, behind, notification] = [randomUUID(), randomUUID(), randomUUID()]
    const poisons: Poison[] = [
      { id: large, what: `${PasswordChanged.type} larger than the broker accepts`, fate: 'rejected' },
      { id: behind, what: `${PasswordChanged.type} behind a rejected one`, fate: 'held', heldBy: large },
      {
        id: notification,
        what: `${NotifyPasswordChanged.type} behind a rejected one of another stream`,
        fate: 'dead letter',
      },
    ]
    const tooLarge = (connection.info?.max_payload ?? 1_048_576) + 1
    await send(poisons, () => addToOutbox(databaseUrl, tooLarge, [large, behind, notification]))
  }
  const loop = async () => {
    for (let number = 0; !stopped.signal.aborted; number += 1) {
      await turn(number)
      await delay(everyMs, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = loop()
  // stop() reports a failure: without this it would end the process.
  running.catch(() => {})

  return {
    sent,
    async stop() {
      stoppedAtMs = performance.now()
      stopped.abort()
      await running
    },
  }
}
