import { isIP } from 'node:net'
import { type ListenedEvent, listenedEvents, type StreamDefinition, streams, version } from '@rekey/contracts'
import { type Activity, activities, classes, severities, statuses } from './activities.ts'
import schema from './ocsf-schema.json' with { type: 'json' }

/** One line of the export: OCSF, of class 3001 Account Change, 3002 Authentication, or 0 Base Event. */
export type OcsfEvent = Record<string, unknown>

type Data = Record<string, unknown>

/** Fields of events that are not exported: sealed for one service, or of no use outside of it. */
export const omitted: Record<string, string> = {
  code: 'sealed for the notifier',
  username: 'sealed for the password-service',
  usernames: 'sealed for the gateway',
  verificationCode: 'shown to the customer',
  knownNetwork: 'a keyed hash that only the gateway can use',
}

/** Fields that have a place in OCSF; all others are in `unmapped`. */
const placed = ['customer', 'account', 'subject', 'clientId', 'actorId', 'sessionId']

const other = 99
const longestAddress = 40

const streamOf = new Map(
  Object.entries<StreamDefinition>(streams).flatMap(([name, { events }]) => events.map(({ type }) => [type, name])),
)
const fieldsOf = new Map(listenedEvents.map(({ type, data }) => [type, Object.keys(data.properties)]))
const summaries = new Map(listenedEvents.map(({ type, summary }) => [type, summary]))

/** Whom an event is about: the customer, else the best pseudonym that the event has. */
const userOf = ({ customer, account, subject, challengeId, clientId, jobId }: Data): OcsfEvent => {
  if (customer !== undefined) return { uid: customer, type_id: 1, type: 'User' }
  if (account !== undefined) return { uid: account, type_id: other, type: 'Account Hash' }
  if (subject !== undefined) return { uid: subject, type_id: 0, type: 'Unknown' }
  if (challengeId !== undefined) return { uid: challengeId, type_id: other, type: 'Challenge' }
  if (jobId !== undefined) return { name: 'all customers', type_id: other, type: 'All Customers' }
  return clientId === undefined
    ? { name: 'unknown', type_id: 0, type: 'Unknown' }
    : { uid: clientId, type_id: 4, type: 'Service' }
}

/** Who acted, where the event says so: a member of staff, or the customer. */
const actorOf = ({ actor, actorId, customer, clientId }: Data): OcsfEvent | undefined => {
  const app = clientId === undefined ? {} : { app_uid: clientId }
  if (actorId === undefined) return clientId === undefined ? undefined : app
  const isCustomer = actor === 'client' || actorId === customer
  return {
    user: { uid: actorId, ...(isCustomer ? { type_id: 1, type: 'User' } : { type_id: 2, type: 'Admin' }) },
    ...app,
  }
}

/** The client's address, if OCSF's type `ip_t` can hold it. */
const addressOf = ({ ip }: Data): string | undefined =>
  typeof ip === 'string' && isIP(ip) !== 0 && ip.length <= longestAddress ? ip : undefined

/** Fields of this version's schema that have no place in OCSF. */
const unmappedOf = (type: string, data: Data) => {
  const names = (fieldsOf.get(type) ?? []).filter((name) => !placed.includes(name) && !Object.hasOwn(omitted, name))
  return Object.fromEntries(names.flatMap((name) => (data[name] === undefined ? [] : [[name, data[name]]])))
}

interface Source {
  id: string
  source: string
  type: string
  traceparent?: string | undefined
}

/** The same for each delivery of an event, so that a repeated line is recognised by `uid`. */
const metadataOf = ({ id, source, type, traceparent }: Source) => ({
  version: schema.version,
  product: { name: 'Rekey', vendor_name: 'Rekey', version },
  uid: `${source}/${id}`,
  original_event_uid: id,
  event_code: type,
  log_provider: source,
  ...(streamOf.has(type) && { log_name: streamOf.get(type) }),
  ...(traceparent !== undefined && { correlation_uid: traceparent.split('-')[1] }),
})

const classify = ({ class: name, activity, status, severity, detail }: Activity): OcsfEvent => {
  const { uid, name: className, activities: known } = classes[name]
  const activityId = (known as Record<string, number>)[activity] ?? other
  return {
    category_uid: 3,
    category_name: 'Identity & Access Management',
    class_uid: uid,
    class_name: className,
    activity_id: activityId,
    activity_name: activity,
    type_uid: uid * 100 + activityId,
    type_name: `${className}: ${activityId === other ? 'Other' : activity}`,
    severity_id: severities[severity],
    severity,
    status_id: statuses[status],
    status,
    ...(detail !== undefined && { status_detail: detail }),
  }
}

/** An event as OCSF. Equal events give equal lines. */
export const toOcsf = (event: ListenedEvent): OcsfEvent => {
  const data = event.data as object as Data
  const activity = (activities[event.type] as (data: object) => Activity)(data)
  const actor = actorOf(data)
  const address = addressOf(data)
  const { ip, ...rest } = unmappedOf(event.type, data)
  const unmapped = { ...rest, ...(ip !== address && { ip }) }
  const isSignIn = event.type === 'auth.login.succeeded'
  return {
    ...classify(activity),
    time: event.time.getTime(),
    timezone_offset: 0,
    message: summaries.get(event.type),
    metadata: metadataOf(event),
    user: userOf(data),
    ...(actor && { actor }),
    ...(address !== undefined && { src_endpoint: { ip: address } }),
    ...(activity.class === 'authentication' && {
      service: { name: 'Rekey' },
      is_remote: true,
      auth_protocol_id: 6,
      auth_protocol: 'OAUTH 2.0',
      ...(isSignIn && { is_mfa: true }),
      ...(data.sessionId !== undefined && { session: { uid: data.sessionId } }),
    }),
    ...(Object.keys(unmapped).length > 0 && { unmapped }),
  }
}

/** A message that this version cannot read, without its data: nothing is left out of the export silently. */
export const toBaseEvent = (source: Source & { timeMs: number }, detail: string): OcsfEvent => ({
  category_uid: 0,
  category_name: 'Uncategorized',
  class_uid: 0,
  class_name: 'Base Event',
  activity_id: other,
  activity_name: 'Unreadable Event',
  type_uid: other,
  type_name: 'Base Event: Other',
  severity_id: severities.Medium,
  severity: 'Medium',
  time: source.timeMs,
  timezone_offset: 0,
  message: detail,
  metadata: metadataOf(source),
})
