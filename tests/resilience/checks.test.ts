import type { ReceivedMessage } from '@rekey/test-support/inbox'
import t from 'tap'
import { holds } from './checks/finding.ts'
import { check } from './checks.ts'
import type { Held } from './held.ts'
import { type Grant, nothingSeen, type Seen, type SignIn } from './seen.ts'
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

const factOf = (changeId: number): StoredEvent => ({
  id: `event ${changeId}`,
  type: 'password.restored',
  subject: 'C1',
  time: at(changeId * 10 + 1),
  data: { changeId },
})

/** What the gateway tells of a restore: that a code is to be sent, that a wrong one was given, and the right one. */
const told = (number: number): StoredEvent[] => {
  const subject = `challenge-${number}`
  const about = { challengeId: subject, purpose: 'restore' }
  const expiresAt = at(50).toISOString()
  return [
    {
      id: `asked ${number}`,
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
 * A sign-in, two restores, a sign-in with the new password, and a restore that was given up after a wrong code: all as
 * it should be.
 */
const sound = () => {
  const seen: Seen = {
    ...nothingSeen([customer]),
    grants: [grantOf(1), grantOf(2)],
    takenCodes: ['challenge-1', 'challenge-2'],
    promisedCodes: [1, 2, 3].map((number) => ({
      to: customer.email,
      challengeId: `challenge-${number}`,
      verification: `000${number}`,
      expiresAt: at(50),
    })),
    signIns: [signInOf('before', 0), signInOf('after', 2)],
  }
  seen.note('A1', 200)
  seen.ownPassword.tried += 2
  seen.rightCodes.tried += 2
  const held: Held = {
    readAt: at(60),
    history: [1, 2].map((id) => ({ id, customerId: 1, operation: 'restore', createTime: at(id * 10 + 1) })),
    outbox: [1, 2].flatMap((id) => [
      { eventId: `event ${id}`, type: 'password.restored', subject: 'C1', changeId: id },
      { eventId: `notice ${id} mail`, type: 'notify.password-changed', subject: 'C1', changeId: null },
      { eventId: `notice ${id} text`, type: 'notify.password-changed', subject: 'C1', changeId: null },
    ]),
    spentTokens: new Set(['grant 1', 'grant 2']),
    sessionEpochs: new Map([[1, 2]]),
    verification: { records: 102, customers: 51 },
    grownRecords: 100,
    poison: [
      {
        id: 'not json',
        what: 'not JSON',
        fate: 'dead letter',
        isPublished: false,
        isPutAside: false,
        isDeadLetter: true,
      },
      { id: 'large', what: 'too large', fate: 'refused', isPublished: false, isPutAside: true, isDeadLetter: false },
      {
        ...{ id: 'behind', what: 'behind it', fate: 'held', behind: 'large' },
        isPublished: false,
        isPutAside: true,
        isDeadLetter: false,
      },
    ],
    codesLiveMs: 60_000,
    codesHeldUp: [],
    restoreSends: [1, 2, 3].map((number) => ({ challengeId: `challenge-${number}`, sendNumber: 1, customerId: 1 })),
    openRestores: new Map([
      ['challenge-2', 1],
      ['challenge-3', 1],
    ]),
    wrongCodes: [{ challengeId: 'challenge-3', attempt: 1, customerId: 1, failedAt: at(27) }],
    forgivenAt: new Map([[1, at(18)]]),
    events: {
      AUTH: [...told(1), ...told(2), ...told(3).slice(0, 2)],
      PASSWORD: [factOf(1), factOf(2)],
      DEAD: [{ ...factOf(0), id: 'not json' }],
    },
    waiting: [],
    messages: [
      ...[1, 2, 3].map((number) =>
        messageOf(`challenge-${number}.1`, customer.email, `Verification code: 000${number}`),
      ),
      ...[1, 2].flatMap((number) => [
        messageOf(`notice ${number} mail`, customer.email),
        messageOf(`notice ${number} text`, customer.phone),
      ]),
    ],
    activeTokens: new Set(['access after', 'refresh after']),
    isPassword: async (_email, password) => password === 'password 2',
  }
  return { seen, held }
}

const unknown = (grant: Grant | undefined) => {
  for (const one of grant?.tries ?? []) one.status = undefined
}

t.test('what is as it should be is found so', async (t) => {
  const { seen, held } = sound()
  const findings = await check(seen, held)
  for (const { what, faults, proven } of findings) t.same(faults, [], `${proven} ${what}`)
  t.ok(findings.every(holds))
  t.ok(findings.length > 15)
})

t.test('an outcome that nobody was told may be either, and messages may come twice', async (t) => {
  const { seen, held } = sound()
  unknown(seen.grants[1])
  held.messages.push(...held.messages.slice(0, 2))
  for (const { what, faults } of await check(seen, held)) t.same(faults, [], what)

  const undone = sound()
  unknown(undone.seen.grants[1])
  undone.held.history.pop()
  undone.held.outbox.splice(3)
  undone.held.events.PASSWORD.pop()
  undone.held.spentTokens.delete('grant 2')
  undone.held.sessionEpochs.set(1, 1)
  undone.held.verification.records = 101
  undone.held.messages.splice(5)
  undone.held.openRestores.set('challenge-1', 1)
  undone.held.isPassword = async (_email, password) => password === 'password 1'
  for (const { what, faults } of await check(undone.seen, undone.held)) t.same(faults, [], what)
})

t.test('a code may take more than a minute by as much as a long fault held it up', async (t) => {
  const { seen, held } = sound()
  Object.assign(held, {
    codesLiveMs: 120_000,
    codesHeldUp: [
      { from: at(-40), to: at(-25) },
      { from: at(-41), to: at(-30) },
    ],
  })
  for (const { what, faults } of await check(seen, held)) t.same(faults, [], what)
})

/** Each is one fault, and the words of the checks that must find it: these, and no other. */
const planted: [string, RegExp[], (all: ReturnType<typeof sound>) => unknown][] = [
  ['a record is gone', [/^new passwords/, /whole or nothing/, /one event/, /chains/], ({ held }) => held.history.pop()],
  [
    'an answered grant was not spent',
    [/^new passwords/, /last password/, /whole or nothing/, /^codes to restore/],
    ({ held }) => held.spentTokens.delete('grant 2'),
  ],
  ['the password is another', [/last password/], ({ held }) => Object.assign(held, { isPassword: async () => false })],
  ['every password is one', [/last password/], ({ held }) => Object.assign(held, { isPassword: async () => true })],
  [
    'a record came of nobody',
    [/whole or nothing/, /one event/, /^notices/, /chains/],
    ({ held }) => held.history.push({ ...last(held.history), id: 3 }),
  ],
  ['an event is missing', [/whole or nothing/, /one event/, /^notices/], ({ held }) => held.outbox.shift()],
  ['no session was ended', [/whole or nothing/], ({ held }) => held.sessionEpochs.set(1, 1)],
  ['a strange token is spent', [/whole or nothing/], ({ held }) => held.spentTokens.add('grant 3')],
  [
    'what was refused is done',
    [/whole or nothing/, /last password/],
    ({ seen }) => seen.grants[1]?.tries.splice(0, 1, { ...last(seen.grants[1].tries), status: 403 }),
  ],
  ['a grant worked twice', [/^grants/], ({ seen }) => seen.grants[1]?.tries.push(last(seen.grants[1].tries))],
  ['a code was taken twice', [/^codes were/], ({ seen }) => seen.takenCodes.push('challenge-1')],
  [
    'a challenge was verified twice',
    [/^codes were/],
    ({ held }) => held.events.AUTH.push({ ...(told(1)[2] as StoredEvent), id: 'another' }),
  ],
  ['an event did not leave', [/one event/], ({ held }) => held.events.PASSWORD.pop()],
  ['an event left twice', [/one event/, /^events stand/], ({ held }) => held.events.PASSWORD.push(factOf(2))],
  ['events left in another order', [/one event/], ({ held }) => held.events.PASSWORD.reverse()],
  ['a notice was not sent', [/^notices/], ({ held }) => held.messages.pop()],
  ['a message came of nothing', [/^notices/], ({ held }) => held.messages.push(messageOf('strange', customer.email))],
  ['a session goes on', [/^sessions/], ({ held }) => held.activeTokens.add('refresh before')],
  ['a session is over', [/^sessions/], ({ held }) => held.activeTokens.delete('access after')],
  ['every session is over', [/^sessions/], ({ held }) => held.activeTokens.clear()],
  ['a code did not arrive', [/^codes that were promised/], ({ held }) => held.messages.shift()],
  [
    'a code came that nobody asked for',
    [/^notices/],
    ({ held }) => held.messages.push(messageOf('challenge-4.1', customer.email)),
  ],
  [
    'a notice went to another customer',
    [/^notices/],
    ({ held }) => held.messages.splice(-1, 1, messageOf('notice 2 text', '+447700900002')),
  ],
  [
    'both notices went to one address',
    [/^notices/],
    ({ held }) => held.messages.splice(-1, 1, messageOf('notice 2 text', customer.email)),
  ],
  ['a code is not counted', [/^codes to restore/], ({ held }) => held.restoreSends.shift()],
  ['a code is counted twice', [/^codes to restore/], ({ held }) => held.restoreSends.push(last(held.restoreSends))],
  [
    'a code is counted for another customer',
    [/^codes to restore/],
    ({ held }) => held.restoreSends.splice(-1, 1, { ...last(held.restoreSends), customerId: 2 }),
  ],
  ['it is not known whose restore it is', [/^codes to restore/], ({ held }) => held.openRestores.delete('challenge-3')],
  [
    'a restore is taken for that of another',
    [/^codes to restore/, /^codes that were given/],
    ({ held }) => held.openRestores.set('challenge-2', 2),
  ],
  ['a wrong code does not count', [/^codes that were given/], ({ held }) => held.wrongCodes.pop()],
  ['a wrong code counts twice', [/^codes that were given/], ({ held }) => held.wrongCodes.push(last(held.wrongCodes))],
  [
    'a wrong code counts that was not given',
    [/^codes that were given/],
    ({ held }) => held.wrongCodes.push({ ...last(held.wrongCodes), attempt: 2 }),
  ],
  [
    'a wrong code counts that is forgiven',
    [/^codes that were given/],
    ({ held }) => held.wrongCodes.push({ ...last(held.wrongCodes), challengeId: 'challenge-2', failedAt: at(17) }),
  ],
  ['a right code forgave nothing', [/^codes that were given/], ({ held }) => held.forgivenAt.set(1, at(8))],
  ['an event was stored twice', [/^events stand/], ({ held }) => held.events.AUTH.push(last(held.events.AUTH))],
  [
    'two codes have one name',
    [/^events stand/],
    ({ held }) => held.events.AUTH.push({ ...(told(3)[0] as StoredEvent), id: 'another' }),
  ],
  [
    'a code arrived too late',
    [/^codes that were promised/],
    ({ held }) => Object.assign(held.messages[0] ?? {}, { Created: at(51).toISOString() }),
  ],
  [
    'a code was on its way for more than a minute',
    [/^codes that were promised/],
    ({ held }) => Object.assign(held, { codesLiveMs: 120_000, codesHeldUp: [{ from: at(-60), to: at(-51) }] }),
  ],
  [
    'a chain is broken',
    [/chains/],
    ({ held }) => Object.assign(held.verification, { fault: { customerId: 1, changeId: 2, flaw: 'digest' } }),
  ],
  ['a message was given up', [/dealt with/], ({ held }) => held.events.DEAD.push(factOf(1))],
  ['a poison event is lost', [/^poison/], ({ held }) => Object.assign(held.poison[0] ?? {}, { isDeadLetter: false })],
  [
    'a refused event waits and is not put aside',
    [/^poison/],
    ({ held }) => Object.assign(held.poison[1] ?? {}, { isPutAside: false }),
  ],
  [
    'an event left before the one that it depends on',
    [/^poison/],
    ({ held }) => Object.assign(held.poison[2] ?? {}, { isPublished: true }),
  ],
  [
    'what depends on a refused event was given up',
    [/dealt with/],
    ({ held }) => held.events.DEAD.push({ ...factOf(0), id: 'behind' }),
  ],
  ['something waits', [/dealt with/], ({ held }) => held.waiting.push('1 message waits')],
  ['a sign-in was refused', [/own password/], ({ seen }) => seen.ownPassword.refused.push('C1: 400')],
  ['a right code was refused', [/no other reason/], ({ seen }) => seen.rightCodes.refused.push('A2 of C1: 400')],
  ['an answer was a 500', [/of the contract/], ({ seen }) => seen.note('A1', 500)],
]

const nothingHeld: Partial<Held> = {
  history: [],
  outbox: [],
  spentTokens: new Set(),
  verification: { records: 0, customers: 0 },
  grownRecords: 0,
  poison: [],
  restoreSends: [],
  openRestores: new Map(),
  wrongCodes: [],
  events: { AUTH: [], PASSWORD: [], DEAD: [] },
  messages: [],
}

const last = <T>(items: T[]): T => items.at(-1) as T

for (const [what, found, plant] of planted) {
  t.test(`it is found that ${what}`, async (t) => {
    const all = sound()
    plant(all)
    const failed = (await check(all.seen, all.held)).filter(({ faults }) => faults.length > 0).map(({ what }) => what)
    for (const words of found)
      t.ok(
        failed.some((what) => words.test(what)),
        `${words}`,
      )
    t.same(
      failed.filter((what) => !found.some((words) => words.test(what))),
      [],
      'nothing else is found',
    )
  })
}

t.test('what is shown for nothing is not shown, but for what may rightly be empty', async (t) => {
  const findings = await check(nothingSeen([]), { ...sound().held, ...nothingHeld })
  const shown = findings.filter(holds).map(({ what }) => what)
  t.match(shown, [/whole or nothing/])
  t.equal(shown.length, 1)
})
