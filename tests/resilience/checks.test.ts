import type { ReceivedMessage } from '@rekey/test-support/inbox'
import t from 'tap'
import { holds } from './checks/finding.ts'
import { check } from './checks.ts'
import { type ClientLog, emptyClientLog, type Grant, type SignIn } from './client-log.ts'
import type { FinalState } from './final-state.ts'
import type { StoredEvent } from './stored-events.ts'

const customer = {
  id: 1,
  code: 'C1',
  email: 'c1@example.com',
  phone: '+447700900001',
  password: 'the first',
}

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second))

const grantOf = (number: number): Grant => ({
  customer,
  operation: 'restore',
  jti: `grant ${number}`,
  challengeId: `challenge-${number}`,
  tries: [{ password: `password ${number}`, startedAt: at(number * 10), endedAt: at(number * 10 + 2), status: 204 }],
})

const messageOf = (id: string, to: string, text = ''): ReceivedMessage => ({
  ID: `${id}${to}`,
  MessageID: `${id}@localhost`,
  From: { Name: '', Address: '' },
  To: [{ Name: '', Address: to }],
  Subject: '',
  Created: at(0).toISOString(),
  Text: text,
  HTML: '',
})

const passwordEventOf = (changeId: number): StoredEvent => ({
  id: `event ${changeId}`,
  type: 'password.restored',
  subject: 'C1',
  time: at(changeId * 10 + 1),
  data: { changeId },
})

/** The gateway's events of a restore: requested, a wrong code, the right code. */
const restoreEvents = (number: number): StoredEvent[] => {
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
const correctRun = () => {
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
      { eventId: `event ${id}`, type: 'password.restored', subject: 'C1', changeId: id },
      { eventId: `notification ${id} mail`, type: 'notify.password-changed', subject: 'C1', changeId: null },
      { eventId: `notification ${id} text`, type: 'notify.password-changed', subject: 'C1', changeId: null },
    ]),
    spentTokens: new Set(['grant 1', 'grant 2']),
    sessionEpochs: new Map([[1, 2]]),
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

const loseAnswers = (grant: Grant | undefined) => {
  for (const one of grant?.tries ?? []) one.status = undefined
}

t.test('a correct run has no violation', async (t) => {
  const { clientLog, state } = correctRun()
  const findings = await check(clientLog, state)
  for (const { claim, violations, checked } of findings) t.same(violations, [], `${checked} ${claim}`)
  t.ok(findings.every(holds))
  t.ok(findings.length > 15)
})

t.test('an outcome without an answer may be done or not done, and messages may come twice', async (t) => {
  const { clientLog, state } = correctRun()
  loseAnswers(clientLog.grants[1])
  state.messages.push(...state.messages.slice(0, 2))
  for (const { claim, violations } of await check(clientLog, state)) t.same(violations, [], claim)

  const undone = correctRun()
  loseAnswers(undone.clientLog.grants[1])
  undone.state.history.pop()
  undone.state.outbox.splice(3)
  undone.state.events.PASSWORD.pop()
  undone.state.spentTokens.delete('grant 2')
  undone.state.sessionEpochs.set(1, 1)
  undone.state.verification.records = 101
  undone.state.messages.splice(5)
  undone.state.openRestores.set('challenge-1', 1)
  undone.state.isPassword = async (_email, password) => password === 'password 1'
  for (const { claim, violations } of await check(undone.clientLog, undone.state)) t.same(violations, [], claim)
})

t.test('the time of a long failure does not count for the delivery of a code', async (t) => {
  const { clientLog, state } = correctRun()
  Object.assign(state, {
    codesLiveMs: 120_000,
    codesDelayed: [
      { from: at(-40), to: at(-25) },
      { from: at(-41), to: at(-30) },
    ],
  })
  for (const { claim, violations } of await check(clientLog, state)) t.same(violations, [], claim)
})

/** Violations to plant, each with the only checks that must find it. */
const planted: [string, RegExp[], (all: ReturnType<typeof correctRun>) => unknown][] = [
  ['a record is gone', [/^new passwords/, /done wholly/, /one event/, /chains/], ({ state }) => state.history.pop()],
  [
    'an acknowledged grant is not spent',
    [/^new passwords/, /last password/, /done wholly/, /^codes of restores/],
    ({ state }) => state.spentTokens.delete('grant 2'),
  ],
  [
    'the last password is not valid',
    [/last password/],
    ({ state }) => Object.assign(state, { isPassword: async () => false }),
  ],
  ['every password is valid', [/last password/], ({ state }) => Object.assign(state, { isPassword: async () => true })],
  [
    'a record has no grant',
    [/done wholly/, /one event/, /^notifications/, /chains/],
    ({ state }) => state.history.push({ ...last(state.history), id: 3 }),
  ],
  ['an event is missing', [/done wholly/, /one event/, /^notifications/], ({ state }) => state.outbox.shift()],
  ['no session was ended', [/done wholly/], ({ state }) => state.sessionEpochs.set(1, 1)],
  ['an unknown token is spent', [/done wholly/], ({ state }) => state.spentTokens.add('grant 3')],
  [
    'a refused request was done',
    [/done wholly/, /last password/],
    ({ clientLog }) => clientLog.grants[1]?.tries.splice(0, 1, { ...last(clientLog.grants[1].tries), status: 403 }),
  ],
  [
    'a grant worked twice',
    [/^grants/],
    ({ clientLog }) => clientLog.grants[1]?.tries.push(last(clientLog.grants[1].tries)),
  ],
  [
    'a code was accepted twice',
    [/^codes were accepted/],
    ({ clientLog }) => clientLog.acceptedCodes.push('challenge-1'),
  ],
  [
    'a challenge was verified twice',
    [/^codes were accepted/],
    ({ state }) => state.events.AUTH.push({ ...(restoreEvents(1)[2] as StoredEvent), id: 'another' }),
  ],
  ['an event was not published', [/one event/], ({ state }) => state.events.PASSWORD.pop()],
  [
    'an event was published twice',
    [/one event/, /^events are stored/],
    ({ state }) => state.events.PASSWORD.push(passwordEventOf(2)),
  ],
  ['events were published in another order', [/one event/], ({ state }) => state.events.PASSWORD.reverse()],
  ['a notification was not sent', [/^notifications/], ({ state }) => state.messages.pop()],
  [
    'a message has no event',
    [/^notifications/],
    ({ state }) => state.messages.push(messageOf('unrelated', customer.email)),
  ],
  ['a session is active after a new password', [/^sessions/], ({ state }) => state.activeTokens.add('refresh before')],
  ['a session ended without a new password', [/^sessions/], ({ state }) => state.activeTokens.delete('access after')],
  ['every session ended', [/^sessions/], ({ state }) => state.activeTokens.clear()],
  ['a code did not arrive', [/^promised codes/], ({ state }) => state.messages.shift()],
  [
    'a code was sent without a request',
    [/^notifications/],
    ({ state }) => state.messages.push(messageOf('challenge-4.1', customer.email)),
  ],
  [
    'a notification went to another customer',
    [/^notifications/],
    ({ state }) => state.messages.splice(-1, 1, messageOf('notification 2 text', '+447700900002')),
  ],
  [
    'both notifications went to one address',
    [/^notifications/],
    ({ state }) => state.messages.splice(-1, 1, messageOf('notification 2 text', customer.email)),
  ],
  ['a code is not counted', [/^codes of restores/], ({ state }) => state.restoreSends.shift()],
  ['a code is counted twice', [/^codes of restores/], ({ state }) => state.restoreSends.push(last(state.restoreSends))],
  [
    'a code is counted for another customer',
    [/^codes of restores/],
    ({ state }) => state.restoreSends.splice(-1, 1, { ...last(state.restoreSends), customerId: 2 }),
  ],
  ['an open restore is not stored', [/^codes of restores/], ({ state }) => state.openRestores.delete('challenge-3')],
  [
    'a restore is stored for another customer',
    [/^codes of restores/, /^failed attempts/],
    ({ state }) => state.openRestores.set('challenge-2', 2),
  ],
  ['a wrong code does not count', [/^failed attempts/], ({ state }) => state.wrongCodes.pop()],
  ['a wrong code counts twice', [/^failed attempts/], ({ state }) => state.wrongCodes.push(last(state.wrongCodes))],
  [
    'a wrong code counts that was not sent',
    [/^failed attempts/],
    ({ state }) => state.wrongCodes.push({ ...last(state.wrongCodes), attempt: 2 }),
  ],
  [
    'a wrong code counts after a reset',
    [/^failed attempts/],
    ({ state }) => state.wrongCodes.push({ ...last(state.wrongCodes), challengeId: 'challenge-2', failedAt: at(17) }),
  ],
  [
    'a right code did not reset failed attempts',
    [/^failed attempts/],
    ({ state }) => state.failuresResetAt.set(1, at(8)),
  ],
  ['an event was stored twice', [/^events are stored/], ({ state }) => state.events.AUTH.push(last(state.events.AUTH))],
  [
    'two codes have one id',
    [/^events are stored/],
    ({ state }) => state.events.AUTH.push({ ...(restoreEvents(3)[0] as StoredEvent), id: 'another' }),
  ],
  [
    'a code arrived too late',
    [/^promised codes/],
    ({ state }) => Object.assign(state.messages[0] ?? {}, { Created: at(51).toISOString() }),
  ],
  [
    'a code took more than a minute',
    [/^promised codes/],
    ({ state }) => Object.assign(state, { codesLiveMs: 120_000, codesDelayed: [{ from: at(-60), to: at(-51) }] }),
  ],
  [
    'a chain is broken',
    [/chains/],
    ({ state }) => Object.assign(state.verification, { invalid: { customerId: 1, changeId: 2, flaw: 'digest' } }),
  ],
  ['an event became a dead letter', [/handled/], ({ state }) => state.events.DEAD.push(passwordEventOf(1))],
  ['a poison event is lost', [/^poison/], ({ state }) => Object.assign(state.poison[0] ?? {}, { isDeadLetter: false })],
  [
    'a rejected event waits and is not held',
    [/^poison/],
    ({ state }) => Object.assign(state.poison[1] ?? {}, { isHeld: false }),
  ],
  [
    'an event was published before the one that holds it',
    [/^poison/],
    ({ state }) => Object.assign(state.poison[2] ?? {}, { isPublished: true }),
  ],
  [
    'an event behind a rejected one became a dead letter',
    [/handled/],
    ({ state }) => state.events.DEAD.push({ ...passwordEventOf(0), id: 'behind' }),
  ],
  ['an event waits', [/handled/], ({ state }) => state.waiting.push('1 message waits')],
  ['a sign-in was refused', [/right password/], ({ clientLog }) => clientLog.rightPasswords.refused.push('C1: 400')],
  ['a right code was refused', [/lost answer/], ({ clientLog }) => clientLog.rightCodes.refused.push('A2 of C1: 400')],
  ['an answer was a 500', [/those of the contract/], ({ clientLog }) => clientLog.note('A1', 500)],
]

const emptyState: Partial<FinalState> = {
  history: [],
  outbox: [],
  spentTokens: new Set(),
  verification: { records: 0, customers: 0 },
  prefilledRecords: 0,
  poison: [],
  restoreSends: [],
  openRestores: new Map(),
  wrongCodes: [],
  events: { AUTH: [], PASSWORD: [], DEAD: [] },
  messages: [],
}

const last = <T>(items: T[]): T => items.at(-1) as T

for (const [violation, found, plant] of planted) {
  t.test(`the checks find that ${violation}`, async (t) => {
    const all = correctRun()
    plant(all)
    const failed = (await check(all.clientLog, all.state))
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

t.test('a check of zero items fails, unless zero items are acceptable', async (t) => {
  const findings = await check(emptyClientLog([]), { ...correctRun().state, ...emptyState })
  const passed = findings.filter(holds).map(({ claim }) => claim)
  t.match(passed, [/done wholly/])
  t.equal(passed.length, 1)
})
