import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadLetters, type EventDefinition, rpcs, type StreamName, streams } from '@rekey/contracts'
import { type BrokerUser, generateKeys } from '@rekey/local-servers/keys'
import { brokerAccess } from '@rekey/platform/broker-access'
import { writeCertificate } from '@rekey/test-support/certificate'
import { startDeployedBroker } from '@rekey/test-support/deployed-broker'
import { AckPolicy, connect, nkeyAuthenticator, nkeys } from 'nats'
import t, { type Test } from 'tap'

const dir = mkdtempSync(join(tmpdir(), 'rekey-permissions-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const keysDir = join(dir, 'keys')
await generateKeys(keysDir)
const certificate = await writeCertificate(dir)
const broker = await startDeployedBroker(t, { dataDir: join(dir, 'nats'), keysDir, certificate })

const users = ['auth-gateway', 'password-service', 'notifier', 'operator', 'platform', 'audit'] as const
const streamNames = [...(Object.keys(streams) as StreamName[]), deadLetters.name]
const typesOf = (name: StreamName) => streams[name].events.map(({ type }: EventDefinition) => type)
const events = [...typesOf('AUTH'), ...typesOf('PASSWORD'), ...typesOf('NOTIFY')]
const questionSubjects = rpcs.map(({ subject }) => subject)

/** What each service consumes: who listens to what is a decision, and stands here once more. */
const consumed = {
  'auth-gateway': [
    'password.changed',
    'password.restored',
    'password.reset',
    'password.set',
    'password.reset-requested',
    'account.compromise-reported',
    'account.block-lifted',
  ],
  'password-service': [
    'auth.restore.requested',
    'auth.challenge.issued',
    'auth.challenge.verified',
    'auth.challenge.failed',
    'auth.challenge.locked',
    'auth.login.succeeded',
    'auth.session.revoked',
  ],
  notifier: typesOf('NOTIFY'),
}

const streamOf = (type: string) => (Object.keys(streams) as StreamName[]).find((name) => typesOf(name).includes(type))

/** Subjects of a durable consumer: to make it, to look at it, to take from it, to acknowledge. */
const consumerSubjects = (service: string, type: string) => {
  const at = `${streamOf(type)}.${service}-${type.replaceAll('.', '-')}`
  return [
    `$JS.API.CONSUMER.CREATE.${at}.${type}`,
    `$JS.API.CONSUMER.INFO.${at}`,
    `$JS.API.CONSUMER.MSG.NEXT.${at}`,
    `$JS.ACK.${at}.1.1.1.1.0`,
  ]
}

const ofConsumers = (service: keyof typeof consumed) =>
  consumed[service].flatMap((type) => [...consumerSubjects(service, type), `dead.${type}`])
const streamInfo = (...names: string[]) => ['$JS.API.INFO', ...names.map((name) => `$JS.API.STREAM.INFO.${name}`)]

const auditSubjects = (prefix: string) =>
  ['AUTH', 'PASSWORD'].flatMap((name) => [
    `${prefix}.CONSUMER.INFO.${name}.audit`,
    `${prefix}.CONSUMER.MSG.NEXT.${name}.audit`,
    `$JS.ACK.${name}.audit.1.1.1.1.0`,
  ])

const everyUser = (subject: (user: string) => string) => users.map(subject)

/** Every subject that anybody may want to publish at: what is right for one is wrong for the others. */
const published = [
  ...events,
  ...events.map((type) => `dead.${type}`),
  ...questionSubjects,
  ...(Object.keys(consumed) as (keyof typeof consumed)[]).flatMap(ofConsumers),
  // Consumers of others' events, and with another filter, name or way than the service's own.
  ...Object.keys(consumed).flatMap((service) => events.flatMap((type) => consumerSubjects(service, type))),
  ...streamNames.flatMap((name) => [
    `$JS.API.STREAM.INFO.${name}`,
    ...['CREATE', 'UPDATE', 'DELETE', 'PURGE', 'MSG.GET', 'MSG.DELETE', 'SNAPSHOT', 'RESTORE', 'LEADER.STEPDOWN'].map(
      (call) => `$JS.API.STREAM.${call}.${name}`,
    ),
    `$JS.API.CONSUMER.CREATE.${name}`,
    `$JS.API.CONSUMER.CREATE.${name}.spy`,
    `$JS.API.CONSUMER.CREATE.${name}.auth-gateway-password-restored.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${name}.auth-gateway-password-restored`,
    `$JS.API.CONSUMER.DELETE.${name}.auth-gateway-password-restored`,
    `$JS.API.CONSUMER.LIST.${name}`,
    `$JS.API.CONSUMER.NAMES.${name}`,
    `$JS.API.DIRECT.GET.${name}`,
  ]),
  '$JS.API.INFO',
  '$JS.API.STREAM.NAMES',
  '$JS.API.STREAM.LIST',
  '$JS.API.SERVER.REMOVE',
  ...auditSubjects('$JS.API'),
  ...auditSubjects('$JS.REKEY.API'),
  '$SRV.PING',
  '$SRV.INFO.password-service',
  '$SYS.REQ.SERVER.PING',
  '$JS.EVENT.ADVISORY.API',
  'anything.else',
  ...everyUser((user) => `_INBOX.${user}.anything`),
]

const mayPublish: Record<Exclude<BrokerUser, 'operator'>, string[]> = {
  'auth-gateway': [
    ...typesOf('AUTH'),
    ...typesOf('AUTH').map((type) => `dead.${type}`),
    'password.verify',
    'account.report-compromise',
    ...streamInfo('AUTH', 'DEAD'),
    ...ofConsumers('auth-gateway'),
  ],
  'password-service': [
    ...typesOf('PASSWORD'),
    ...typesOf('NOTIFY'),
    ...[...typesOf('PASSWORD'), ...typesOf('NOTIFY')].map((type) => `dead.${type}`),
    ...streamInfo('PASSWORD', 'NOTIFY', 'DEAD'),
    ...ofConsumers('password-service'),
  ],
  notifier: [...streamInfo('NOTIFY', 'DEAD'), ...ofConsumers('notifier')],
  platform: ['password.verify', 'password.status', 'customers.get', 'customers.upsert'],
  audit: auditSubjects('$JS.REKEY.API'),
}

const listened = [
  '>',
  'auth.>',
  'password.>',
  'notify.>',
  'dead.>',
  ...events,
  ...questionSubjects,
  '$JS.>',
  '$JS.API.>',
  '$JS.EVENT.ADVISORY.>',
  '$JS.ACK.>',
  '$SRV.>',
  ...['PING', 'INFO', 'STATS'].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.password-service`]),
  '_INBOX.>',
  ...everyUser((user) => `_INBOX.${user}.>`),
]

const ownInbox = (user: string) => `_INBOX.${user}.>`
const mayListen: Record<BrokerUser, string[]> = {
  'auth-gateway': [ownInbox('auth-gateway')],
  'password-service': [
    ownInbox('password-service'),
    ...questionSubjects,
    ...listened.filter((subject) => /^\$SRV\.[A-Z]/.test(subject)),
  ],
  notifier: [ownInbox('notifier')],
  operator: [ownInbox('operator'), '$JS.EVENT.ADVISORY.>'],
  platform: [ownInbox('platform')],
  audit: [ownInbox('audit')],
}

const connectAs = async (t: Test, user: BrokerUser) => {
  const { url, ...access } = brokerAccess(broker.access(user))
  const connection = await connect({ ...access, servers: url, inboxPrefix: `_INBOX.${user}`, reconnect: false })
  t.teardown(() => connection.close())
  return connection
}

/** Which of these subjects the broker refuses, one after the other, as it tells of them. */
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
  // The broker answers in order: by then it has said everything.
  await connection.flush()
  await connection.flush()
  return [...refused].toSorted()
}

const without = (all: string[], some: string[]) => [...new Set(all)].filter((one) => !some.includes(one)).toSorted()

t.test('S33: each user may publish what it must, and nothing else', async (t) => {
  for (const [user, allowed] of Object.entries(mayPublish)) {
    const connection = await connectAs(t, user as BrokerUser)
    const refused = await refusals(connection, [...new Set(published)], (subject) => connection.publish(subject))
    t.same(refused, without(published, allowed), user)
  }
})

t.test('S33: each user may listen to what it must, and nothing else', async (t) => {
  for (const user of users) {
    const connection = await connectAs(t, user)
    const refused = await refusals(connection, listened, (subject) =>
      connection.subscribe(subject, { callback: () => {} }),
    )
    t.same(refused, without(listened, mayListen[user]), user)
  }
})

t.test('S33: the operator makes streams and consumers, and publishes no events', async (t) => {
  const operator = await connectAs(t, 'operator')
  const jsm = await operator.jetstreamManager()
  for (const name of ['AUTH', 'PASSWORD']) {
    await jsm.consumers.add(name, { durable_name: 'audit', ack_policy: AckPolicy.Explicit })
  }
  t.equal((await jsm.streams.info('DEAD')).config.name, 'DEAD')
  const forged = [...events, ...events.map((type) => `dead.${type}`), ...questionSubjects]
  t.same(await refusals(operator, forged, (subject) => operator.publish(subject)), forged.toSorted())
})

t.test('S33: who listens reads the consumers made for it, and can have nothing delivered elsewhere', async (t) => {
  const operator = await connectAs(t, 'operator')
  const jsm = await operator.jetstreamManager()
  const before = (await jsm.streams.info('AUTH')).state.messages
  const publisher = await connectAs(t, 'password-service')
  for (const type of typesOf('PASSWORD')) await publisher.jetstream().publish(type, '{}')

  const audit = await connectAs(t, 'audit')
  const consumer = await audit.jetstream({ domain: 'REKEY' }).consumers.get('PASSWORD', 'audit')
  // A pull whose messages are to go where an event would be believed.
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

t.test('S33: a question of another account is answered to it alone', async (t) => {
  const [service, platform] = [await connectAs(t, 'password-service'), await connectAs(t, 'platform')]
  service.subscribe('password.status', { callback: (_error, message) => void message.respond('yes') })
  await service.flush()
  t.equal((await platform.request('password.status', '{}')).string(), 'yes')
})

t.test('S33: nobody comes in without a user of the broker, or without TLS', async (t) => {
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

t.test('S36: the broker’s file of users holds public keys alone', async (t) => {
  const text = readFileSync(join(keysDir, 'nats-server.env'), 'utf8')
  t.match(text, /^(NATS_[A-Z_]+=U[A-Z2-7]{55}\n){6}$/)
})
