import type { ReceivedMessage } from '@rekey/testing/inbox'
import t from 'tap'
import { check } from './checks.ts'
import type { Held, StoredEvent } from './held.ts'
import { type Grant, nothingSeen, type Seen } from './seen.ts'

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
  data: { changeId },
})

/** Two restores, the first of them asked for twice, and a sign-in before both: all as it should be. */
const sound = () => {
  const seen: Seen = {
    ...nothingSeen([customer]),
    grants: [grantOf(1), grantOf(2)],
    takenCodes: ['challenge-1', 'challenge-2'],
    promisedCodes: [1, 2].map((number) => ({
      to: customer.email,
      challengeId: `challenge-${number}`,
      verification: `000${number}`,
      expiresAt: at(50),
    })),
    signIns: [{ customer, session: 's', accessToken: 'a', refreshToken: 'r', grantsBefore: 0 }],
  }
  const held: Held = {
    history: [1, 2].map((id) => ({ id, customerId: 1, operation: 'restore', createTime: at(id * 10 + 1) })),
    outbox: [1, 2].flatMap((id) => [
      { eventId: `event ${id}`, type: 'password.restored', subject: 'C1', changeId: id },
      { eventId: `notice ${id} mail`, type: 'notify.password-changed', subject: 'C1', changeId: null },
      { eventId: `notice ${id} text`, type: 'notify.password-changed', subject: 'C1', changeId: null },
    ]),
    spentTokens: new Set(['grant 1', 'grant 2']),
    sessionEpochs: new Map([[1, 2]]),
    verification: { records: 2, customers: 1 },
    events: {
      AUTH: [1, 2].map((number) => ({
        id: `verified ${number}`,
        type: 'auth.challenge.verified',
        subject: `challenge-${number}`,
        data: {},
      })),
      PASSWORD: [factOf(1), factOf(2)],
      DEAD: [],
    },
    waiting: [],
    messages: [1, 2].flatMap((number) => [
      messageOf(`challenge-${number}.1`, customer.email, `Verification code: 000${number}`),
      messageOf(`notice ${number} mail`, customer.email),
      messageOf(`notice ${number} text`, customer.phone),
    ]),
    activeSignIns: new Set(),
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
  for (const { what, faults } of findings) t.same(faults, [], what)
  t.ok(findings.length > 12)
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
  undone.held.verification.records = 1
  undone.held.messages.splice(4)
  undone.held.isPassword = async (_email, password) => password === 'password 1'
  for (const { what, faults } of await check(undone.seen, undone.held)) t.same(faults, [], what)
})

/** Each is one fault, and the words of the check that must find it. */
const planted: [string, RegExp, (all: ReturnType<typeof sound>) => unknown][] = [
  ['a record is gone', /^new passwords/, ({ held }) => held.history.pop()],
  ['an answered grant was not spent', /^new passwords/, ({ held }) => held.spentTokens.delete('grant 2')],
  ['the password is another', /last password/, ({ held }) => Object.assign(held, { isPassword: async () => false })],
  ['every password is one', /last password/, ({ held }) => Object.assign(held, { isPassword: async () => true })],
  ['a record came of nobody', /whole or nothing/, ({ held }) => held.history.push({ ...last(held.history), id: 3 })],
  ['an event is missing', /whole or nothing/, ({ held }) => held.outbox.shift()],
  ['no session was ended', /whole or nothing/, ({ held }) => held.sessionEpochs.set(1, 1)],
  ['a strange token is spent', /whole or nothing/, ({ held }) => held.spentTokens.add('grant 3')],
  [
    'what was refused is done',
    /whole or nothing/,
    ({ seen }) => seen.grants[1]?.tries.splice(0, 1, { ...last(seen.grants[1].tries), status: 403 }),
  ],
  ['a grant worked twice', /^grants/, ({ seen }) => seen.grants[1]?.tries.push(last(seen.grants[1].tries))],
  ['a code was taken twice', /^codes were/, ({ seen }) => seen.takenCodes.push('challenge-1')],
  [
    'a challenge was verified twice',
    /^codes were/,
    ({ held }) => held.events.AUTH.push({ ...last(held.events.AUTH), id: 'another' }),
  ],
  ['an event did not leave', /one event/, ({ held }) => held.events.PASSWORD.pop()],
  ['an event left twice', /one event/, ({ held }) => held.events.PASSWORD.push(factOf(2))],
  ['events left in another order', /one event/, ({ held }) => held.events.PASSWORD.reverse()],
  ['a notice was not sent', /^notices/, ({ held }) => held.messages.pop()],
  ['a message came of nothing', /^notices/, ({ held }) => held.messages.push(messageOf('strange', customer.email))],
  ['a session goes on', /^sessions/, ({ seen, held }) => held.activeSignIns.add(last(seen.signIns))],
  ['a code did not arrive', /^codes that were promised/, ({ held }) => held.messages.shift()],
  [
    'a code arrived too late',
    /^codes that were promised/,
    ({ held }) => Object.assign(held.messages[0] ?? {}, { Created: at(51).toISOString() }),
  ],
  [
    'a chain is broken',
    /chains/,
    ({ held }) => Object.assign(held.verification, { fault: { customerId: 1, changeId: 2, flaw: 'digest' } }),
  ],
  ['a message was given up', /dealt with/, ({ held }) => held.events.DEAD.push(factOf(1))],
  ['something waits', /dealt with/, ({ held }) => held.waiting.push('1 message waits')],
  ['a sign-in was refused', /own password/, ({ seen }) => seen.ownPassword.refused.push('C1: 400')],
  ['a right code was refused', /no other reason/, ({ seen }) => seen.rightCodes.refused.push('A2 of C1: 400')],
  ['an answer was a 500', /of the contract/, ({ seen }) => seen.note('A1', 500)],
]

const last = <T>(items: T[]): T => items.at(-1) as T

for (const [what, found, plant] of planted) {
  t.test(`it is found that ${what}`, async (t) => {
    const all = sound()
    plant(all)
    const failed = (await check(all.seen, all.held)).filter(({ faults }) => faults.length > 0)
    t.match(failed.map((finding) => finding.what).find((words) => found.test(words)) ?? 'nothing', found)
  })
}
