import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv, promisify } from 'node:util'
import {
  deadLetters,
  type Recipient,
  type ReplayReply,
  replayRpcs,
  type ServiceName,
  serviceNames,
} from '@rekey/contracts'
import { createDeadLetters } from '@rekey/platform/dead-letter'
import { deriveKeys, type Keys, toKeys } from '@rekey/platform/keys'
import { createMetrics } from '@rekey/platform/metrics'
import { unseal } from '@rekey/platform/seal'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { restore, restoreGrant } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { connect, headers, type MsgHdrs } from 'nats'
import t, { type Test } from 'tap'
import { openDeadLetters } from './letters.ts'

const rekey = await startRekey(t)
const { inbox, nats } = rekey
const connection = await connect({ servers: nats.url })
t.teardown(() => connection.close())
const jsm = await connection.jetstreamManager()
const stream = await openDeadLetters({ NATS_URL: nats.url })
t.teardown(() => stream.close())

interface Message {
  subject: string
  data: Uint8Array
  headers?: MsgHdrs | undefined
}
/** Every event, as it was published. */
const published: Message[] = []
for (const subject of ['notify.>', 'password.>'])
  connection.subscribe(subject, {
    // Read at once: a message is a view of the buffer of its connection.
    callback: (_error, { subject, data, headers }) => void published.push({ subject, data: data.slice(), headers }),
  })
await connection.flush()
const eventsOf = (subject: string) => published.filter((message) => message.subject === subject)

/** Stores a dead letter as a consumer does. @returns its number */
const bury = async (
  message: Message,
  { id, reason = 'a test', data = message.data }: { id: string; reason?: string; data?: Uint8Array },
) => {
  const meta = headers()
  for (const [name, values] of message.headers ?? []) for (const value of values) meta.append(name, value)
  meta.delete('Nats-Msg-Id')
  meta.set('rekey-reason', reason)
  return (await connection.jetstream().publish(`dead.${message.subject}`, data, { headers: meta, msgID: id })).seq
}
let letters = 0
const newId = (durable: string) => `${durable}.${900_000 + ++letters}`

const ask = async (service: ServiceName, request: object) =>
  (
    await connection.request(replayRpcs[service].subject, JSON.stringify(request), { timeout: 60_000 })
  ).json<ReplayReply>()
const replay = async (sequence: number, evenIfSent = false) => {
  const letter = await stream.find(sequence)
  if (!letter) throw new Error(`no dead letter ${sequence}`)
  return stream.replay(letter, { evenIfSent })
}
const isStored = async (sequence: number) => (await stream.find(sequence)) !== undefined
/** Messages of DEAD, notes of replays included. */
const stored = async () => (await jsm.streams.info(deadLetters.name)).state.messages
const mailsTo = async (address: string) => (await inbox.messagesTo(address)).length
/** Number of events that NOTIFY has stored so far. */
const notified = async () => (await jsm.streams.info('NOTIFY')).state.last_seq

const person = await createCustomer(rekey.postgres.url)
const grant = await restoreGrant(rekey, person)
await restore(rekey, grant, 'violet kettle 41 marsh')
// Each event is published on its own: the last one to be stored may be the first to arrive.
await eventually(() => eventsOf('notify.password-changed').length === 2 && eventsOf('password.restored').length === 1, {
  what: 'a notification by mail and by SMS, and the restore',
})

const keyOf = (file: string, name: string) => {
  const value = parseEnv(readFileSync(file, 'utf8'))[name]
  if (!value) throw new Error(`no ${name}`)
  return toKeys(value)
}
const addressKeys = keyOf(rekey.keys.notifier, 'REKEY_ADDRESS_SEAL_KEY')
const isMail = async ({ data, headers }: Message) => {
  const { recipient } = JSON.parse(Buffer.from(data).toString())
  return (await unseal<Recipient>(addressKeys, headers?.get('ce-id') ?? '', recipient)).channel === 'email'
}
const [first, second] = eventsOf('notify.password-changed')
const notification = first && (await isMail(first)) ? first : second
const [code] = eventsOf('notify.code')
const [restored] = eventsOf('password.restored')
if (!code || !notification || !restored) throw new Error('no events')

t.test('a replayed message is sent once, and its dead letter is deleted', async (t) => {
  const [before, events] = [await mailsTo(person.email), await notified()]
  const sequence = await bury(notification, { id: newId('notifier-notify-password-changed') })
  t.same(await replay(sequence), { outcome: 'replayed' })
  await eventually(async () => (await mailsTo(person.email)) > before, { what: 'the message' })
  t.equal(await notified(), events + 1)
  t.notOk(await isStored(sequence))
  t.equal(await stored(), 0, 'neither the dead letter nor the note of its replay is left')
  await t.rejects(replay(sequence), /no dead letter/)
  t.ok(rekey.logs.some((line) => line.includes('"dead_letter_replayed"') && line.includes(`"sequence":${sequence}`)))
})

t.test(
  'a replay that is interrupted before the dead letter is deleted sends nothing twice when it is repeated',
  async (t) => {
    const events = await notified()
    const sequence = await bury(notification, { id: newId('notifier-notify-password-changed') })
    // The command ends after the answer of the service: the dead letter stays.
    const answers = await Promise.all([1, 2, 3].map(() => ask('password-service', { sequence })))
    t.same(answers, Array(3).fill({ outcome: 'replayed' }))
    t.ok(await isStored(sequence), 'nothing is lost')
    t.same(await replay(sequence), { outcome: 'replayed' })
    t.equal(await notified(), events + 1, 'nothing is sent twice')
    t.equal(await stored(), 0)
  },
)

t.test('S2: what has expired is refused with the reason, and stays', async (t) => {
  const sequence = await bury(code, { id: newId('notifier-notify-code') })
  rekey.clock.advance(660_000)
  const reply = await replay(sequence)
  t.match(reply, { outcome: 'refused', reason: /^it expired at \d{4}-/ })
  t.ok(await isStored(sequence))
  await stream.drop(sequence)
  t.notOk(await isStored(sequence))
})

t.test('a replay that was interrupted too long ago is refused unless the operator decides', async (t) => {
  const sequence = await bury(notification, { id: newId('notifier-notify-password-changed') })
  t.same(await ask('password-service', { sequence }), { outcome: 'replayed' })
  rekey.clock.advance(600_000)
  t.match(await replay(sequence), { outcome: 'refused', reason: /a replay began at .* and may have succeeded/ })
  t.ok(await isStored(sequence))
  t.same(await replay(sequence, true), { outcome: 'replayed' })
  t.equal(await stored(), 0)
})

const last = async (subject: string) => (await jsm.streams.getMessage('PASSWORD', { last_by_subj: subject })).seq

t.test('S47: of a stream that others read only the event that was published is replayed', async (t) => {
  const place = await last('password.restored')
  const durable = 'auth-gateway-password-restored'
  const other = headers()
  for (const [name, values] of restored.headers ?? []) for (const value of values) other.append(name, value)
  other.set('ce-id', 'another')
  const otherEpoch = Buffer.from(restored.data)
    .toString()
    .replace(/"sessionEpoch":\d+/, '"sessionEpoch":2000000000')
  const cases: [what: string, message: Message, id: string][] = [
    ['another id', { ...restored, headers: other }, `${durable}.${place}`],
    ['another place', restored, `${durable}.${place + 1_000}`],
    ['no place', restored, `${durable}.x`],
    ['another consumer', restored, `notifier-password-restored.${place}`],
    // The stream drops a second dead letter with an id that it has: zeros make another id of the same place.
    ['other data', { ...restored, data: Buffer.from(otherEpoch) }, `${durable}.0${place}`],
    ['the publisher’s name without its proof', restored, 'password-service.an-id'],
  ]
  const before = eventsOf('password.restored').length
  for (const [what, message, id] of cases) {
    const sequence = await bury(message, { id })
    const reply = await ask('password-service', { sequence })
    t.match(reply, { outcome: 'refused', reason: /origin is not proven/ }, what)
    await stream.drop(sequence)
  }
  t.equal(eventsOf('password.restored').length, before)
  const genuine = await bury(restored, { id: `${durable}.00${place}` })
  t.same(await replay(genuine), { outcome: 'replayed' })
  await eventually(() => eventsOf('password.restored').length === before + 1, { what: 'the event' })
})

t.test('S47: a publisher replays what it stored itself, and nothing that another key proves', async (t) => {
  const event = {
    id: '0194f3a2-5b1c-7d3e-8f90-a1b2c3d4e5f6',
    type: 'password.restored',
    source: 'password-service',
    subject: person.code,
    time: new Date(),
    data: JSON.parse(Buffer.from(restored.data).toString()),
  }
  const broker = { connection: () => connection } as never
  const storeWith = async (proofKeys: Keys | undefined, id: string) => {
    await createDeadLetters({ broker, metrics: createMetrics(), proofKeys }).storeEvent({ ...event, id }, 'rejected')
    return (await jsm.streams.info(deadLetters.name)).state.last_seq
  }
  const own = deriveKeys(keyOf(rekey.keys.passwordService, 'REKEY_REPORT_KEY'), 'dead letters')
  const gateways = deriveKeys(keyOf(rekey.keys.authGateway, 'REKEY_CODE_KEY'), 'dead letters')
  const before = eventsOf('password.restored').length
  for (const [index, keys] of [gateways, undefined].entries()) {
    const sequence = await storeWith(keys, `forged-${index}`)
    t.match(await ask('password-service', { sequence }), { outcome: 'refused', reason: /origin is not proven/ })
    await stream.drop(sequence)
  }
  const sequence = await storeWith(own, event.id)
  t.same(await replay(sequence), { outcome: 'replayed' })
  await eventually(() => eventsOf('password.restored').length === before + 1, { what: 'the event' })
})

t.test('only the publisher of an event replays its dead letter, and a number without one is refused', async (t) => {
  const sequence = await bury(notification, { id: newId('notifier-notify-password-changed') })
  for (const service of serviceNames) {
    if (service === 'password-service') continue
    const reason = 'its event is published by the password-service'
    t.same(await ask(service, { sequence }), { outcome: 'refused', reason })
  }
  for (const wrong of [sequence + 1_000, 1])
    t.match(await ask('password-service', { sequence: wrong }), { outcome: 'refused', reason: /no such dead letter/ })
  await stream.drop(sequence)
})

const command = async (...args: string[]) => {
  const env = { ...process.env, NATS_URL: nats.url, REKEY_SECRETS_FILE: '' }
  try {
    const done = await promisify(execFile)(
      process.execPath,
      [join(import.meta.dirname, '../dead-letters.ts'), ...args],
      { env },
    )
    return { code: 0, stdout: done.stdout, stderr: done.stderr }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

t.test('the command lists, shows, replays and drops, and refuses wrong arguments', async (t: Test) => {
  const [first, second] = [
    await bury(notification, { id: newId('notifier-notify-password-changed'), reason: 'mail not sent: 554' }),
    await bury(
      { ...code, data: Buffer.from('no JSON planted@example.com') },
      { id: newId('notifier-notify-code'), reason: 'the data is not JSON' },
    ),
  ]
  const [all, some, shown, poison, ...wrong] = await Promise.all([
    command('list', '--json'),
    command('list', '--subject', 'notify.*', '--reason', 'JSON', '--newer-than', '1h'),
    command('show', String(first)),
    command('show', String(second)),
    ...[
      ['drop', String(second)],
      ['replay'],
      ['list', '--older-than', 'long'],
      ['show', 'x'],
      ['forget'],
      ['list', '--colour'],
    ].map((args) => command(...args)),
  ])
  // Afterwards: they delete what the others read.
  const [replayed, dropped] = await Promise.all([
    command('replay', '--all-of', 'mail not sent: 554').then(async (done) => ({
      ...done,
      left: await isStored(first),
    })),
    command('drop', String(second), '--reason', 'a test of poison', '--by', 'somebody').then(async (done) => ({
      ...done,
      left: await isStored(second),
    })),
  ])
  t.equal(all.code, 0, all.stderr)
  t.match(all.stdout, `"sequence":${first},"type":"notify.password-changed","reason":"mail not sent: 554"`)
  t.match(some.stdout, /notify\.code +the data is not JSON\n1 dead letter/)
  t.match(shown.stdout, '"recipient": "(sealed)"')
  t.notMatch(shown.stdout, /eyJ|127\.0\.0\.1/)
  t.match(poison.stdout, 'not JSON: 27 bytes')
  t.match(replayed, { code: 0, left: false, stdout: /1 of 1 replayed/ })
  t.match(dropped, { code: 0, left: false })
  t.match(JSON.parse(dropped.stdout), {
    event: 'dead_letter_dropped',
    actor: 'somebody',
    reason: 'a test of poison',
    sequence: second,
  })
  for (const { code, stderr } of wrong) t.match({ code, stderr }, { code: 2, stderr: /\w/ })
})
