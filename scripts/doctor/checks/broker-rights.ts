import { brokerRights } from '@rekey/contracts/documents/broker-permissions'
import { hasBrokerCredentials } from '@rekey/platform/broker-access'
import type { ServiceConfig } from '@rekey/platform/config'
import { headers, type NatsConnection } from 'nats'
import { type Finding, fail, ok, warn } from '../finding.ts'
import type { Subject } from '../subjects.ts'

/** Subjects of nobody: a user with `>` or `$JS.API.>` may use them. No such stream exists. */
const foreignSubjects = [
  'rekey.doctor',
  '$SYS.REQ.SERVER.PING',
  '$JS.API.STREAM.CREATE.REKEY_DOCTOR',
  '$JS.API.STREAM.UPDATE.REKEY_DOCTOR',
  '$JS.API.STREAM.DELETE.REKEY_DOCTOR',
  '$JS.API.STREAM.PURGE.REKEY_DOCTOR',
]

/** Subscriptions that show more than a service needs. */
const foreignSubscriptions = ['>', '_INBOX.>', '$JS.>', 'dead.>', 'auth.>', 'password.>', 'notify.>', 'message.>']

/** True if the pattern of NATS covers the subject. */
export const covers = (pattern: string, subject: string): boolean => {
  const [parts, tokens] = [pattern.split('.'), subject.split('.')]
  const rest = parts.indexOf('>')
  if (rest >= 0)
    return tokens.length > rest && parts.slice(0, rest).every((part, at) => part === '*' || part === tokens[at])
  return parts.length === tokens.length && parts.every((part, at) => part === '*' || part === tokens[at])
}

/** A subject that the pattern covers, of a consumer or service that does not exist where the pattern allows any. */
const concrete = (pattern: string) => {
  const subject = pattern.replaceAll('*', 'doctor')
  return subject.startsWith('$JS.ACK.') ? subject.replace('>', '1.1.1.1.0') : subject.replace('>', 'doctor')
}

/**
 * No stream has this name: JetStream refuses to store an event that expects it. Requests have no reply subject, so no
 * service answers them; their body is not valid, so the JetStream API does nothing.
 */
const expectation = () => {
  const meta = headers()
  meta.set('Nats-Expected-Stream', 'REKEY_DOCTOR')
  return meta
}

interface Use {
  operation: 'publish' | 'subscription'
  subjects: readonly string[]
  use(subject: string): void
}

/** Uses each subject. @returns those that the broker refused */
const refusedOf = async (connection: NatsConnection, { operation, subjects, use }: Use) => {
  const refused = new Set<string>()
  const watch = async () => {
    for await (const { permissionContext } of connection.status()) {
      if (permissionContext?.operation === operation) refused.add(permissionContext.subject)
    }
  }
  void watch()
  for (const subject of subjects) use(subject)
  // The broker answers in order: after this it has reported every refusal.
  await connection.flush()
  await connection.flush()
  return refused
}

const shorten = (subjects: readonly string[]) =>
  `${subjects.slice(0, 3).join(', ')}${subjects.length > 3 ? ` and ${subjects.length - 3} more` : ''}`

interface Tried {
  verb: 'publish' | 'subscribe to'
  allowed: readonly string[]
  /** Subjects that were tried. */
  subjects: readonly string[]
  refused: ReadonlySet<string>
}

/** Rights that a service lacks are failures; those that it has beyond deploy/nats, as `excess`. */
const compare = ({ verb, allowed, subjects, refused }: Tried, excess: typeof warn): Finding[] => {
  const isAllowed = (subject: string) => allowed.some((pattern) => covers(pattern, subject))
  const few = subjects.filter((subject) => isAllowed(subject) && refused.has(subject))
  const many = subjects.filter((subject) => !isAllowed(subject) && !refused.has(subject))
  const todo = 'give the user the permissions of deploy/nats/users'
  return [
    ...(few.length > 0 ? [fail(`may not ${verb} ${shorten(few)}`, todo)] : []),
    ...(many.length > 0 ? [excess(`may also ${verb} ${shorten(many)}`, todo)] : []),
  ]
}

const unique = (subjects: readonly string[]) => [...new Set(subjects)]

/**
 * Compares what the broker lets a user do with deploy/nats/users, by trying it: each subject that any user may publish to
 * or subscribe to. Nothing is stored and nothing is answered.
 */
export const tryRights = async (
  connection: NatsConnection,
  { service, config, isProduction }: Subject,
): Promise<Finding[]> => {
  const isIdentified = hasBrokerCredentials(config as Partial<ServiceConfig>)
  if (!isProduction && !isIdentified) return [ok('no users: every client may use every subject, as in the sandbox')]
  const rights = brokerRights()
  const own = rights[service] ?? { publish: [], subscribe: [] }
  const all = Object.values(rights)
  const published = unique([...all.flatMap(({ publish }) => publish).map(concrete), ...foreignSubjects])
  const listened = unique([...all.flatMap(({ subscribe }) => subscribe), ...foreignSubscriptions])

  const meta = expectation()
  const refusedPublishes = await refusedOf(connection, {
    operation: 'publish',
    subjects: published,
    use: (subject) => connection.publish(subject, '{', { headers: meta }),
  })
  const subscriptions = new Set<{ unsubscribe(): void }>()
  const refusedSubscriptions = await refusedOf(connection, {
    operation: 'subscription',
    subjects: listened,
    use: (subject) => void subscriptions.add(connection.subscribe(subject, { callback: () => {} })),
  })
  for (const subscription of subscriptions) subscription.unsubscribe()

  const excess = isIdentified ? fail : warn
  const found = [
    ...compare({ verb: 'publish', allowed: own.publish, subjects: published, refused: refusedPublishes }, excess),
    ...compare(
      { verb: 'subscribe to', allowed: own.subscribe, subjects: listened, refused: refusedSubscriptions },
      excess,
    ),
  ]
  return found.length > 0 ? found : [ok(`as deploy/nats/users/${service}.conf: no less and no more`)]
}
