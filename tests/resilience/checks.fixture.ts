import type { ReceivedMessage } from '@rekey/test-support/inbox'
import type { Test } from 'tap'
import { check } from './checks.ts'
import { type ClientLog, emptyClientLog, type Grant, type SignIn } from './client-log.ts'
import type { FinalState, OutboxRow } from './final-state.ts'
import type { StoredEvent } from './stored-events.ts'

export const customer = {
  id: 1,
  code: 'C1',
  email: 'c1@example.com',
  phone: '+447700900001',
  password: 'the first',
}

export const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second))

const grantOf = (number: number): Grant => ({
  customer,
  operation: 'restore',
  jti: `grant ${number}`,
  challengeId: `challenge-${number}`,
  tries: [{ password: `password ${number}`, startedAt: at(number * 10), endedAt: at(number * 10 + 2), status: 204 }],
})

export const messageOf = (id: string, to: string, text = ''): ReceivedMessage => ({
  ID: `${id}${to}`,
  MessageID: `${id}@localhost`,
  From: { Name: '', Address: '' },
  To: [{ Name: '', Address: to }],
  Subject: '',
  Created: at(0).toISOString(),
  Text: text,
  HTML: '',
})

export const passwordEventOf = (changeId: number): StoredEvent => ({
  id: `event ${changeId}`,
  type: 'password.restored',
  subject: 'C1',
  time: at(changeId * 10 + 1),
  data: { changeId },
})

export const outboxRow = (
  eventId: string,
  type: string,
  subject: string,
  changeId: number | null = null,
  notice: string | null = null,
): OutboxRow => ({ eventId, type, subject, changeId, notice })

/** The gateway's events of a restore: requested, a wrong code, the right code. */
export const restoreEvents = (number: number): StoredEvent[] => {
  const subject = `challenge-${number}`
  const about = { challengeId: subject, purpose: 'restore' }
  const expiresAt = at(50).toISOString()
  return [
    {
      id: `requested ${number}`,
      type: 'auth.restore.requested',
      time: at(number * 10 - 4),
      data: { sendNumber: 1, expiresAt },
    },
    { id: `failed ${number}`, type: 'auth.challenge.failed', time: at(number * 10 - 3), data: { attempt: 1 } },
    { id: `verified ${number}`, type: 'auth.challenge.verified', time: at(number * 10 - 2), data: {} },
  ].map((event) => ({ ...event, subject, data: { ...about, ...event.data } }))
}

const signInOf = (session: string, grantsBefore: number): SignIn => ({
  customer,
  session,
  accessToken: `access ${session}`,
  accessExpiresAt: at(3_600),
  refreshToken: `refresh ${session}`,
  grantsBefore,
})

/**
 * A correct run: a sign-in, two restores, a sign-in with the new password, and a restore that ends after a wrong code.
 */
export const correctRun = () => {
  const clientLog: ClientLog = {
    ...emptyClientLog([customer]),
    grants: [grantOf(1), grantOf(2)],
    acceptedCodes: ['challenge-1', 'challenge-2'],
    promisedCodes: [1, 2, 3].map((number) => ({
      to: customer.email,
      challengeId: `challenge-${number}`,
      verification: `000${number}`,
      expiresAt: at(50),
    })),
    signIns: [signInOf('before', 0), signInOf('after', 2)],
  }
  clientLog.note('A1', 200)
  clientLog.rightPasswords.tried += 2
  clientLog.rightCodes.tried += 2
  const state: FinalState = {
    readAt: at(60),
    history: [1, 2].map((id) => ({ id, customerId: 1, operation: 'restore', createTime: at(id * 10 + 1) })),
    outbox: [1, 2].flatMap((id) => [
      outboxRow(`event ${id}`, 'password.restored', 'C1', id),
      outboxRow(`notification ${id} mail`, 'notify.password-changed', 'C1'),
      outboxRow(`notification ${id} text`, 'notify.password-changed', 'C1'),
    ]),
    spentTokens: new Set(['grant 1', 'grant 2']),
    sessionEpochs: new Map([[1, 2]]),
    waitingRestores: [],
    waitingRecords: [],
    factors: [],
    verification: { records: 102, customers: 51 },
    prefilledRecords: 100,
    poison: [
      {
        id: 'not json',
        what: 'not JSON',
        fate: 'dead letter',
        isPublished: false,
        isHeld: false,
        isDeadLetter: true,
      },
      { id: 'large', what: 'too large', fate: 'rejected', isPublished: false, isHeld: true, isDeadLetter: false },
      {
        ...{ id: 'behind', what: 'behind it', fate: 'held', heldBy: 'large' },
        isPublished: false,
        isHeld: true,
        isDeadLetter: false,
      },
    ],
    codesLiveMs: 60_000,
    codesDelayed: [],
    restoreSends: [1, 2, 3].map((number) => ({ challengeId: `challenge-${number}`, sendNumber: 1, customerId: 1 })),
    openRestores: new Map([
      ['challenge-2', 1],
      ['challenge-3', 1],
    ]),
    wrongCodes: [{ challengeId: 'challenge-3', attempt: 1, customerId: 1, failedAt: at(27) }],
    failuresResetAt: new Map([[1, at(18)]]),
    events: {
      AUTH: [...restoreEvents(1), ...restoreEvents(2), ...restoreEvents(3).slice(0, 2)],
      PASSWORD: [passwordEventOf(1), passwordEventOf(2)],
      DEAD: [{ ...passwordEventOf(0), id: 'not json' }],
    },
    waiting: [],
    messages: [
      ...[1, 2, 3].map((number) =>
        messageOf(`challenge-${number}.1`, customer.email, `Verification code: 000${number}`),
      ),
      ...[1, 2].flatMap((number) => [
        messageOf(`notification ${number} mail`, customer.email),
        messageOf(`notification ${number} text`, customer.phone),
      ]),
    ],
    activeTokens: new Set(['access after', 'refresh after']),
    isPassword: async (_email, password) => password === 'password 2',
  }
  return { clientLog, state }
}

/** The whole run: its clients, and what they left. */
export type Run = ReturnType<typeof correctRun>

/** A violation to plant, with the only checks that must find it. */
export type Planted = [violation: string, found: RegExp[], plant: (run: Run) => unknown]

/** Asserts that the checks of each violation find it, and no others do. */
export const assertFound = (t: Test, makeRun: () => Run, violations: Planted[]) => {
  for (const [violation, found, plant] of violations) {
    t.test(`the checks find that ${violation}`, async (t) => {
      const run = makeRun()
      plant(run)
      const failed = (await check(run.clientLog, run.state))
        .filter(({ violations }) => violations.length > 0)
        .map(({ claim }) => claim)
      for (const words of found)
        t.ok(
          failed.some((claim) => words.test(claim)),
          `${words}`,
        )
      t.same(
        failed.filter((claim) => !found.some((words) => words.test(claim))),
        [],
        'no other check finds it',
      )
    })
  }
}

export const last = <T>(items: T[]): T => items.at(-1) as T
