import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { NotifyCode, NotifyPasswordChanged, NotifyTemporaryPassword, RestoreRequested } from '@rekey/contracts'
import { toKeys } from '@rekey/platform/keys'
import { seal } from '@rekey/platform/seal'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askLogin,
  askRestore,
  claimsOf,
  codesOf,
  reset,
  restore,
  restoreGrant,
  signIn,
  signInTokens,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import { startProcesses } from '@rekey/test-support/processes'
import { connect, headers, type Msg, type MsgHdrs } from 'nats'
import t, { type Test } from 'tap'
import { startMessageLog } from './message-log.ts'

const rekey = await startProcesses(t)
const services = { 'auth-gateway': rekey.gateway, 'password-service': rekey.passwordService, notifier: rekey.notifier }
const ended: string[] = []
for (const [name, { exited }] of Object.entries(services)) void exited.then(() => ended.push(name))
const { http, inbox } = rekey
const messageLog = await startMessageLog(t, rekey)
const broker = await connect({ servers: rekey.nats.url })
t.teardown(() => broker.close())
const newCustomer = () => createCustomer(rekey.postgres.url)

/** Publishes any data as an event, under a new message id. */
const publish = (subject: string, data: string | Uint8Array, eventId: string = randomUUID()) => {
  const meta = headers()
  meta.set('ce-id', eventId)
  meta.set('ce-type', subject)
  return broker.jetstream().publish(subject, data, { headers: withNewMessageId(meta) })
}

/** The broker drops a repeated message id: a replayed event needs a new one. */
const withNewMessageId = (meta: MsgHdrs) => {
  const copy = headers()
  for (const [name, values] of meta) for (const value of values) copy.append(name, value)
  copy.set('Nats-Msg-Id', randomUUID())
  return copy
}

const isOf = (subject: string) => (message: Msg) =>
  message.subject === subject && !message.reply?.startsWith('$JS.ACK.')
const sent = (subject: string) => messageLog.messages.filter(isOf(subject))
const dead = () => messageLog.messages.filter(({ subject }) => subject.startsWith('dead.'))
/** SMTP may deliver a message twice (RFC 5321 §4.5.3.2.6): count each Message-ID once. */
const distinct = (mails: ReceivedMessage[]) => [...new Map(mails.map((mail) => [mail.MessageID, mail])).values()]
const mailsTo = async (...addresses: string[]) =>
  (await Promise.all(addresses.map((address) => inbox.messagesTo(address)))).map((mails) => mails.length)

t.test('S33 a replayed event has no second effect, under its own message id or a new one', async (t) => {
  const customer = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const wrong = verificationBody(answer.body.mfa_token, wrongCode(confirmation))
  t.equal((await http.post('/oauth/v2/passwordRestoreVerification', wrong)).status, 400)
  const right = verificationBody(answer.body.mfa_token, confirmation)
  const { sign_token: grant } = (await http.post('/oauth/v2/passwordRestoreVerification', right)).body
  t.equal((await restore(rekey, String(grant), 'A-password-of-mine')).status, 204)
  const person = { ...customer, password: 'A-password-of-mine' }
  await askLogin(rekey, person)
  await messageLog.allHandled()
  const session = await signInTokens(rekey, person)
  const bearer = { authorization: `Bearer ${session.access_token}` }
  const history = async () => (await http.get('/api/v2/my/password/changes', bearer)).body
  await messageLog.allHandled()

  const before = {
    mails: await mailsTo(customer.email),
    history: await history(),
    dead: dead().map(({ subject }) => subject),
  }
  const events = messageLog.messages.filter(
    (message) => /^(auth|password|account|notify)\./.test(message.subject) && message.headers?.get('ce-id'),
  )
  const subjects = new Set(events.map(({ subject }) => subject))
  for (const subject of [
    'auth.restore.requested',
    'auth.challenge.issued',
    'auth.challenge.failed',
    'auth.challenge.verified',
    'auth.login.succeeded',
    'password.restored',
    'notify.code',
    'notify.password-changed',
  ]) {
    t.ok(subjects.has(subject), subject)
  }
  for (let round = 0; round < 5; round += 1) {
    for (const { subject, data, headers: meta } of events) {
      if (!meta) continue
      await broker.jetstream().publish(subject, data, { headers: meta })
      await broker.jetstream().publish(subject, data, { headers: withNewMessageId(meta) })
    }
  }
  await messageLog.allHandled()
  t.same(await mailsTo(customer.email), before.mails, 'no message is sent twice')
  t.same(await history(), before.history, 'the history is unchanged, and a later session stays valid')
  t.same(
    dead().map(({ subject }) => subject),
    before.dead,
  )
  t.equal((await restore(rekey, String(grant), 'Another-of-mine')).status, 403)
  t.ok(await restoreGrant(rekey, person), 'replayed wrong codes count once: restore is not locked')
})

/** A field of an event, still sealed. */
const field = (message: Msg | undefined, name: string) => String(message?.json<Record<string, unknown>>()[name])

t.test('S33 a field sealed with another key or for another event makes a dead letter and has no effect', async (t) => {
  const secrets = parseEnv(readFileSync(rekey.keys.authGateway, 'utf8'))
  const usernameKey = toKeys(secrets.REKEY_USERNAME_SEAL_KEY ?? '')
  const foreign = toKeys(randomBytes(32).toString('base64url'))
  const [victim, thief] = [await newCustomer(), await newCustomer()]
  /** Real events, still sealed: all that an attacker has who can read and publish. */
  const eventsOf = async ({ email, phone }: { email: string; phone: string }) => {
    const received = async () =>
      distinct([...(await inbox.messagesTo(email)), ...(await inbox.messagesTo(phone))]).length
    const { answer } = await askRestore(rekey, email)
    const token = await restoreGrant(rekey, { email, password: '' }, 'access_token')
    const before = await received()
    await reset(rekey, token)
    // A notification to each address, and the temporary password by SMS.
    await eventually(async () => (await received()) >= before + 3)
    await messageLog.allHandled()
    return {
      challengeId: String(claimsOf(String(answer.body.mfa_token)).sub),
      requested: sent(RestoreRequested.type).at(-2),
      code: sent(NotifyCode.type).at(-2),
      notification: sent(NotifyPasswordChanged.type).find((message) => message.headers?.get('ce-id')),
      temporary: sent(NotifyTemporaryPassword.type).at(-1),
    }
  }
  const theirs = await eventsOf(victim)
  const mine = await eventsOf(thief)
  t.equal(field(theirs.requested, 'challengeId'), theirs.challengeId)
  t.equal(field(mine.code, 'challengeId'), mine.challengeId)

  const expiresAt = new Date(Date.now() + 300_000).toISOString()
  const ids = { challengeId: randomUUID(), sendNumber: 1, expiresAt }
  const change = (message: Msg | undefined, other: object) => JSON.stringify({ ...message?.json<object>(), ...other })
  const forged: [what: string, subject: string, data: string][] = [
    [
      'the victim’s username for my challenge, sealed with my key',
      RestoreRequested.type,
      change(mine.requested, { ...ids, username: await seal(foreign, ids.challengeId, victim.email) }),
    ],
    [
      'the victim’s sealed username moved to my challenge',
      RestoreRequested.type,
      change(mine.requested, { sendNumber: 2, username: field(theirs.requested, 'username') }),
    ],
    [
      'a username that is not sealed',
      RestoreRequested.type,
      change(mine.requested, { ...ids, username: victim.email }),
    ],
    ['the victim’s code moved to my address', NotifyCode.type, change(mine.code, { code: field(theirs.code, 'code') })],
    [
      'the victim’s challenge with my address',
      NotifyCode.type,
      change(theirs.code, { recipient: field(mine.code, 'recipient') }),
    ],
    [
      'my code for the victim',
      NotifyCode.type,
      change(theirs.code, { code: await seal(foreign, theirs.challengeId, '123456') }),
    ],
    [
      'the victim’s temporary password to my address',
      NotifyTemporaryPassword.type,
      change(mine.temporary, { password: field(theirs.temporary, 'password') }),
    ],
    ['the victim’s temporary password, as another event', NotifyTemporaryPassword.type, change(theirs.temporary, {})],
    [
      'a notification with another’s link',
      NotifyPasswordChanged.type,
      change(theirs.notification, { reportLink: field(mine.temporary, 'reportLink') }),
    ],
    [
      'a notification sealed with my key',
      NotifyPasswordChanged.type,
      change(theirs.notification, {
        recipient: await seal(foreign, 'x', { channel: 'email', to: thief.email, locale: 'en', timezone: 'UTC' }),
      }),
    ],
  ]
  const mails = await mailsTo(victim.email, victim.phone, thief.email, thief.phone)
  for (const [what, subject, data] of forged) {
    const before = dead().length
    await publish(subject, data)
    await eventually(() => dead().length > before, { what: `a dead letter: ${what}` })
    const letter = dead().at(-1)
    t.equal(letter?.subject, `dead.${subject}`, what)
    t.match(letter?.headers?.get('rekey-reason'), /cannot be opened|does not match the contract/)
  }
  await messageLog.allHandled()
  t.same(await mailsTo(victim.email, victim.phone, thief.email, thief.phone), mails, 'no message to either')

  // The same event with the right key is handled: only the key made the difference.
  const challengeId = randomUUID()
  const honest = { ...ids, challengeId, username: await seal(usernameKey, challengeId, victim.email) }
  await publish(RestoreRequested.type, change(mine.requested, honest))
  await messageLog.allHandled()
  t.equal(sent(NotifyCode.type).filter((message) => field(message, 'challengeId') === challengeId).length, 1)
})

/** Texts and bytes that are not a valid event. */
const malformed = (): (string | Uint8Array)[] => [
  '',
  'null',
  '[]',
  '"text"',
  '{}',
  '{"challengeId":1}',
  '{"__proto__":{"customer":"EN00000CY"}}',
  '{',
  '['.repeat(20_000),
  `{"customer":${'9'.repeat(5_000)}}`,
  JSON.stringify({ customer: ['EN00000CY'], sessionEpoch: '1', challengeId: randomUUID(), recipient: {}, code: null }),
  Buffer.from([0xff, 0xfe, 0x00, 0xc0, 0x80]),
  randomBytes(600_000),
]

const assertServing = async (t: Test) => {
  t.same(ended, [], 'no service crashed')
  for (const { url } of Object.values(services)) t.equal((await fetch(`${url}/readyz`)).status, 200)
  const customer = await newCustomer()
  t.equal((await restore(rekey, await restoreGrant(rekey, customer), 'A-password-of-mine')).status, 204)
  t.ok(await signIn(rekey, { ...customer, password: 'A-password-of-mine' }))
  const mails = await eventually(async () => {
    const found = distinct([...(await inbox.messagesTo(customer.email)), ...(await inbox.messagesTo(customer.phone))])
    return found.length >= 4 ? found : undefined
  })
  t.equal(mails.length, 4)
  t.equal(mails.filter((mail) => codesOf(mail).confirmation !== '').length, 2, 'two codes and two notifications')
}

t.test('S33 a malformed event becomes a dead letter for each consumer, and the services keep serving', async (t) => {
  const manager = await broker.jetstreamManager()
  const consumed: string[] = []
  for (const stream of ['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE']) {
    for (const { config } of await manager.consumers.list(stream).next()) consumed.push(config.filter_subject ?? '')
  }
  t.ok(consumed.length >= 14, `${consumed.length} consumers`)
  for (const subject of consumed) {
    const before = dead().length
    const rubbish = malformed()
    for (const data of rubbish) await publish(subject, data)
    await eventually(() => dead().length >= before + rubbish.length, {
      what: `dead letters of ${subject}`,
    })
    t.ok(
      dead()
        .slice(before)
        .every((letter) => letter.subject === `dead.${subject}`),
      subject,
    )
    t.equal(dead().length, before + rubbish.length, subject)
  }
  await messageLog.allHandled()
  await assertServing(t)
})

t.test('S33 a malformed RPC is refused, and the next one is answered', async (t) => {
  for (const subject of [
    'password.verify',
    'password.status',
    'customers.get',
    'customers.upsert',
    'account.report-compromise',
  ]) {
    for (const data of malformed()) {
      const answer = await broker.request(subject, data, { timeout: 60_000 })
      const code = answer.headers?.get('Nats-Service-Error-Code')
      t.equal(code, '400', `${subject}: ${code} ${answer.string().slice(0, 100)}`)
    }
  }
  await assertServing(t)
})
