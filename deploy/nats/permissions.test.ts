import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { streams } from '@rekey/contracts'
import { type BrokerUser, generateKeys } from '@rekey/local-servers/keys'
import { brokerAccess } from '@rekey/platform/broker-access'
import { writeCertificate } from '@rekey/test-support/certificate'
import { startDeployedBroker } from '@rekey/test-support/deployed-broker'
import { AckPolicy, connect, nkeyAuthenticator, nkeys } from 'nats'
import t, { type Test } from 'tap'
import {
  events,
  listened,
  mayListen,
  mayPublish,
  published,
  rpcSubjects,
  typesOf,
  users,
} from './permissions.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'rekey-permissions-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const keysDir = join(dir, 'keys')
await generateKeys(keysDir)
const certificate = await writeCertificate(dir)
const broker = await startDeployedBroker(t, { dataDir: join(dir, 'nats'), keysDir, certificate })

const connectAs = async (t: Test, user: BrokerUser) => {
  const { url, ...access } = brokerAccess(broker.access(user))
  const connection = await connect({ ...access, servers: url, inboxPrefix: `_INBOX.${user}`, reconnect: false })
  t.teardown(() => connection.close())
  return connection
}

/** Uses each subject, and returns those that the broker refused. */
const refusals = async (
  connection: Awaited<ReturnType<typeof connectAs>>,
  subjects: string[],
  work: (subject: string) => void,
) => {
  const refused = new Set<string>()
  const watch = async () => {
    for await (const { permissionContext } of connection.status()) {
      if (permissionContext) refused.add(permissionContext.subject)
    }
  }
  void watch()
  for (const subject of subjects) work(subject)
  // The broker answers in order: after this it has reported every refusal.
  await connection.flush()
  await connection.flush()
  return [...refused].toSorted()
}

const without = (all: string[], some: string[]) => [...new Set(all)].filter((one) => !some.includes(one)).toSorted()

t.test('S33: each user may publish only what it needs', async (t) => {
  for (const [user, allowed] of Object.entries(mayPublish)) {
    const connection = await connectAs(t, user as BrokerUser)
    const refused = await refusals(connection, [...new Set(published)], (subject) => connection.publish(subject))
    t.same(refused, without(published, allowed), user)
  }
})

t.test('S33: each user may subscribe only to what it needs', async (t) => {
  for (const user of users) {
    const connection = await connectAs(t, user)
    const refused = await refusals(connection, listened, (subject) =>
      connection.subscribe(subject, { callback: () => {} }),
    )
    t.same(refused, without(listened, mayListen[user]), user)
  }
})

t.test('S33: the user streams creates streams and consumers, and publishes no events', async (t) => {
  const streamsUser = await connectAs(t, 'streams')
  const jsm = await streamsUser.jetstreamManager()
  for (const name of ['AUTH', 'PASSWORD']) {
    await jsm.consumers.add(name, { durable_name: 'audit', ack_policy: AckPolicy.Explicit })
  }
  t.equal((await jsm.streams.info('DEAD')).config.name, 'DEAD')
  const forged = [...events, ...events.map((type) => `dead.${type}`), ...rpcSubjects]
  t.same(await refusals(streamsUser, forged, (subject) => streamsUser.publish(subject)), forged.toSorted())
})

t.test('S33: a listener reads only its own consumers, and cannot direct messages to event subjects', async (t) => {
  const operator = await connectAs(t, 'streams')
  const jsm = await operator.jetstreamManager()
  const before = (await jsm.streams.info('AUTH')).state.messages
  const publisher = await connectAs(t, 'password-service')
  for (const type of typesOf('PASSWORD')) await publisher.jetstream().publish(type, '{}')

  const audit = await connectAs(t, 'audit')
  const consumer = await audit.jetstream({ domain: 'REKEY' }).consumers.get('PASSWORD', 'audit')
  // A pull with an event's subject as reply: its messages would be forged events.
  for (const reply of ['auth.session.revoked', 'notify.code', 'password.restored']) {
    audit.publish('$JS.REKEY.API.CONSUMER.MSG.NEXT.PASSWORD.audit', '{"batch":1,"no_wait":true}', { reply })
  }
  await audit.flush()
  const stored = (await jsm.streams.info('PASSWORD')).state.messages
  const read = await consumer.fetch({ max_messages: 1, expires: 5_000 })
  for await (const message of read) {
    t.ok(streams.PASSWORD.events.some(({ type }) => type === message.subject))
    t.ok(await message.ackAck())
  }
  t.equal(read.getReceived(), 1)
  t.equal((await jsm.streams.info('AUTH')).state.messages, before)
  t.equal((await jsm.streams.info('PASSWORD')).state.messages, stored)
})

t.test('S33: an RPC from another account is answered to that account only', async (t) => {
  const [service, platform] = [await connectAs(t, 'password-service'), await connectAs(t, 'platform')]
  service.subscribe('password.status', { callback: (_error, message) => void message.respond('yes') })
  await service.flush()
  t.equal((await platform.request('password.status', '{}', { timeout: 60_000 })).string(), 'yes')
})

t.test('S33: connections without valid credentials or without TLS are refused', async (t) => {
  const { url, tls } = brokerAccess(broker.access('operator'))
  const stranger = nkeyAuthenticator(nkeys.createUser().getSeed())
  for (const access of [{}, { authenticator: stranger }, { user: 'operator', pass: 'operator' }]) {
    await t.rejects(connect({ servers: url, ...(tls && { tls }), ...access, reconnect: false }), {
      code: 'AUTHORIZATION_VIOLATION',
    })
  }
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1')
  let answered = ''
  socket.on('data', (data) => {
    answered += data
  })
  socket.on('error', () => {})
  socket.write('CONNECT {"verbose":true}\r\nPING\r\n')
  await once(socket, 'close')
  t.match(answered, '"tls_required":true')
  t.notMatch(answered, /\+OK|PONG/)
})

t.test('S36: the broker’s file of users has only public keys', async (t) => {
  const text = readFileSync(join(keysDir, 'nats-server.env'), 'utf8')
  t.match(text, /^(NATS_[A-Z_]+=U[A-Z2-7]{55}\n){7}$/)
})
