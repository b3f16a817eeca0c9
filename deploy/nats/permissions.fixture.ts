import { deadLetters, type EventDefinition, rpcs, type StreamName, streams } from '@rekey/contracts'
import type { BrokerUser } from '@rekey/local-servers/keys'

// What each user of the broker may publish and subscribe to, written independently of the generated permissions.

export const users = [
  'auth-gateway',
  'password-service',
  'notifier',
  'operator',
  'streams',
  'platform',
  'audit',
] as const
const streamNames = [...(Object.keys(streams) as StreamName[]), deadLetters.name]
export const typesOf = (name: StreamName) => streams[name].events.map(({ type }: EventDefinition) => type)
export const events = [...typesOf('AUTH'), ...typesOf('PASSWORD'), ...typesOf('NOTIFY'), ...typesOf('MESSAGE')]
export const rpcSubjects = rpcs.map(({ subject }) => subject)

/** The events that each service consumes, listed once more: the generated permissions must match this decision. */
const consumed = {
  'auth-gateway': [
    'password.changed',
    'password.restored',
    'password.reset',
    'password.set',
    'password.reset-requested',
    'account.compromise-reported',
    'account.blocked',
    'account.sessions-ended',
    'account.block-lifted',
    'account.erased',
  ],
  'password-service': [
    'auth.restore.requested',
    'auth.challenge.issued',
    'auth.challenge.verified',
    'auth.challenge.failed',
    'auth.challenge.locked',
    'auth.login.succeeded',
    'auth.session.revoked',
    'message.outcome',
  ],
  notifier: typesOf('NOTIFY'),
}

const streamOf = (type: string) => (Object.keys(streams) as StreamName[]).find((name) => typesOf(name).includes(type))

/** Subjects of a durable consumer: create, read its state, pull, acknowledge. */
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

export const auditSubjects = (prefix: string) =>
  ['AUTH', 'PASSWORD'].flatMap((name) => [
    `${prefix}.CONSUMER.INFO.${name}.audit`,
    `${prefix}.CONSUMER.MSG.NEXT.${name}.audit`,
    `$JS.ACK.${name}.audit.1.1.1.1.0`,
  ])

const everyUser = (subject: (user: string) => string) => users.map(subject)

/** All subjects that any user may publish to, and many that no user may. */
export const published = [
  ...events,
  ...events.map((type) => `dead.${type}`),
  ...rpcSubjects,
  ...(Object.keys(consumed) as (keyof typeof consumed)[]).flatMap(ofConsumers),
  // Consumers of events that the service does not consume, and with another filter, name or API.
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
    `$JS.API.CONSUMER.INFO.${name}.spy`,
    `$JS.ACK.${name}.spy.1.1.1.1.0`,
    `$JS.API.CONSUMER.LIST.${name}`,
    `$JS.API.CONSUMER.NAMES.${name}`,
    `$JS.API.DIRECT.GET.${name}`,
  ]),
  'dead.replay.17',
  '$JS.API.INFO',
  ...['CREATE', 'UPDATE', 'INFO'].map((call) => `$JS.API.STREAM.${call}.OTHER`),
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

/** Each service reads dead letters to publish its own events again. */
const replays = ['$JS.API.STREAM.MSG.GET.DEAD', 'dead.replay.17']

export const mayPublish: Record<BrokerUser, string[]> = {
  'auth-gateway': [
    ...typesOf('AUTH'),
    ...typesOf('AUTH').map((type) => `dead.${type}`),
    'password.verify',
    'account.report-compromise',
    'sessions.not-before',
    'session.raise-epoch',
    'customers.summary',
    'factors.list',
    'factors.verify',
    'factors.request-passkey',
    'factors.verify-passkey',
    'waiting-restores.open',
    'waiting-restores.veto',
    ...streamInfo('AUTH', 'PASSWORD', 'DEAD'),
    ...replays,
    '$JS.API.STREAM.MSG.GET.AUTH',
    '$JS.API.STREAM.MSG.GET.PASSWORD',
    ...ofConsumers('auth-gateway'),
  ],
  'password-service': [
    ...typesOf('PASSWORD'),
    ...typesOf('NOTIFY'),
    ...[...typesOf('PASSWORD'), ...typesOf('NOTIFY')].map((type) => `dead.${type}`),
    ...streamInfo('PASSWORD', 'NOTIFY', 'MESSAGE', 'DEAD'),
    ...ofConsumers('password-service'),
    ...replays,
    '$JS.API.STREAM.MSG.GET.AUTH',
    '$JS.API.STREAM.MSG.GET.PASSWORD',
  ],
  notifier: [
    'message.outcome',
    'dead.message.outcome',
    ...streamInfo('NOTIFY', 'MESSAGE', 'DEAD'),
    ...ofConsumers('notifier'),
    ...replays,
  ],
  platform: ['password.verify', 'password.status', 'customers.get', 'customers.upsert'],
  audit: auditSubjects('$JS.REKEY.API'),
  operator: [
    ...streamInfo(...streamNames),
    '$JS.API.STREAM.NAMES',
    '$JS.API.STREAM.LIST',
    ...published.filter((subject) => /^\$JS\.API\.CONSUMER\.(INFO|NAMES|LIST)\./.test(subject)),
    '$JS.API.STREAM.MSG.GET.DEAD',
    '$JS.API.STREAM.MSG.DELETE.DEAD',
    ...rpcSubjects.filter((subject) => subject.startsWith('dead-letters.')),
    ...published.filter((subject) => subject.startsWith('$SRV.')),
  ],
  // Only requests to the JetStream API, which no stream can store.
  streams: [
    ...streamInfo(...streamNames),
    '$JS.API.STREAM.NAMES',
    '$JS.API.STREAM.LIST',
    ...streamNames.flatMap((name) => ['CREATE', 'UPDATE'].map((call) => `$JS.API.STREAM.${call}.${name}`)),
    ...published.filter((subject) =>
      /^\$JS\.API\.CONSUMER\.(INFO\.|NAMES\.|LIST\.|CREATE\.|DURABLE\.CREATE\.|DELETE\.)(AUTH|PASSWORD)(?!\w)/.test(
        subject,
      ),
    ),
  ].filter((subject) => !/^\$JS\.API\.CONSUMER\.CREATE\.\w+$/.test(subject)),
}

export const listened = [
  '>',
  'auth.>',
  'password.>',
  'notify.>',
  'dead.>',
  ...events,
  ...rpcSubjects,
  '$JS.>',
  '$JS.API.>',
  '$JS.EVENT.ADVISORY.>',
  '$JS.ACK.>',
  '$SRV.>',
  ...['auth-gateway', 'password-service', 'notifier'].flatMap((service) =>
    ['PING', 'INFO', 'STATS'].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.${service}`]),
  ),
  '_INBOX.>',
  ...everyUser((user) => `_INBOX.${user}.>`),
]

const discovery = (service: string) =>
  ['PING', 'INFO', 'STATS'].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.${service}`])
const ownInbox = (user: string) => `_INBOX.${user}.>`
export const mayListen: Record<BrokerUser, string[]> = {
  'auth-gateway': [
    ownInbox('auth-gateway'),
    'password.all-reset-requested',
    'dead-letters.replay.auth-gateway',
    ...discovery('auth-gateway'),
  ],
  'password-service': [
    ownInbox('password-service'),
    ...rpcSubjects.filter((subject) => !/^dead-letters\.replay\.(auth-gateway|notifier)$/.test(subject)),
    ...discovery('password-service'),
  ],
  notifier: [ownInbox('notifier'), 'dead-letters.replay.notifier', ...discovery('notifier')],
  operator: [ownInbox('operator'), '$JS.EVENT.ADVISORY.>'],
  streams: [ownInbox('streams')],
  platform: [ownInbox('platform')],
  audit: [ownInbox('audit')],
}
