import { type SchemaOptions, type TSchema, Type } from '@sinclair/typebox'
import { notInLine, OneOf } from '../fields.ts'
import { CustomerCode } from '../rpc/customers.ts'

// The forms of fields of log lines. Each is closed: it has no room for an email address, a phone number, a code of a
// message, a password or a token (S35). A test proves this for each form.

/** Name of a form, for docs/logs.md, and what it is. */
const form = (name: string, text: string): SchemaOptions => ({ 'x-form': name, 'x-form-text': text })

/** A time, which the logger writes as text. */
const dateTime = '^\\d{4}-\\d\\d-\\d\\dT[\\d:.]+(Z|[+-]\\d\\d:\\d\\d)$'

export const Customer = { ...CustomerCode, ...form('code', "a customer's code, such as EN00000CY") }

export const Hash = Type.String({
  pattern: '^[0-9a-f]{16}$',
  ...form('hash', '16 hexadecimal digits: equal for equal values, and without the value'),
})

export const Id = Type.String({
  pattern: '^[A-Za-z0-9_-][A-Za-z0-9_.:-]{0,127}$',
  ...form('id', 'an identifier that Rekey made'),
})

export const Subject = Type.String({
  pattern: '^[\\x20-\\x7E]{1,255}$',
  ...form(
    'subject',
    'the subject (`sub`) of a token of staff, as the identity provider states it: choose one that is no address',
  ),
})

export const Client = Type.String({
  pattern: '^[\\x20-\\x7E]{0,128}$',
  ...form('client', 'an OAuth client id, as it is registered'),
})

export const Network = Type.String({
  pattern: '^[0-9A-Fa-f:.]{2,45}$',
  ...form('address', "a client's IP address"),
})

export const Count = Type.Integer({ minimum: -1, ...form('integer', 'a whole number') })

export const Flag = Type.Boolean(form('boolean', '`true` or `false`'))

export const Time = Type.Unsafe<string | Date>({
  type: 'string',
  pattern: dateTime,
  ...form('time', 'an RFC 3339 time, in UTC'),
})

/** A time, or a word in its place. */
export const TimeOr = (word: string) =>
  Type.Unsafe<string | Date>({
    type: 'string',
    pattern: `${dateTime.slice(0, -1)}$|^${word}$`,
    ...form('time', 'an RFC 3339 time, in UTC'),
  })

export const Route = Type.String({
  pattern: '^(none|[/*][A-Za-z0-9_./:*-]{0,200})$',
  ...form('route', "a route's pattern; it contains no value of the request"),
})

/** A name that the code, the configuration or a contract has. */
export const Name = Type.String({
  pattern: '^[A-Za-z0-9*][A-Za-z0-9 _./:*{}?>-]{0,127}$',
  ...form('name', 'a name that the code or a contract has'),
})

export const Origin = Type.String({
  pattern: '^[a-z][a-z0-9+.-]*://[A-Za-z0-9.:[\\]-]{1,255}$',
  ...form('origin', 'a web origin (RFC 6454), without a path'),
})

/** Text of the code or of a server. It has no address, no number in international form, and no code of a message. */
export const Text = Type.String({
  pattern: `^(?![^]*(@|\\+?[0-9]{6}|eyJ))[^${notInLine}]{0,500}$`,
  ...form('text', 'a sentence of the code or of a server, without addresses and numbers'),
})

/** An error: its stack and its causes are of the code. Drivers' own fields are left out by the logger. */
export const Thrown = Type.Unsafe<unknown>({
  type: 'object',
  ...form('error', '`{name, message, stack, code?, cause?}` of what was thrown'),
})

/** One of these words. */
export const Word = <const T extends string>(values: readonly T[]) =>
  OneOf(values, form(values.map((value) => `\`${value}\``).join(', '), 'one of the words'))

export const ListOf = <T extends TSchema>(item: T, options: SchemaOptions = {}) =>
  Type.Array(item, { ...form(`list of ${item['x-form']}`, ''), ...options })

/** What each field means, wherever it is. */
export const fieldMeanings = {
  time: 'When the line was written, in UTC.',
  severity: '`debug`, `info`, `warn` or `error`.',
  service: 'The service that wrote the line.',
  traceId: 'Trace of the request or event (W3C Trace Context): follow it through all services. Absent outside of one.',
  msg: 'A sentence to read. Search for `event`.',
  event: 'Name of the event. Lines of the HTTP framework have none.',

  account: 'Hash of the account that was named: equal for equal usernames, known or not.',
  action: 'What requests over a limit were for, or what a member of staff asked for.',
  actor: 'Who acted: `client` is the customer, `back_office` a member of staff.',
  actorId: 'The member of staff.',
  address: 'Address of the client, after the trusted proxies.',
  addressesAdded: 'How many confirmed addresses were added.',
  addressesRemoved: 'How many confirmed addresses were removed.',
  after: 'Sequence numbers of the streams after which the gateway reads.',
  allowance: 'How many requests the quota allows.',
  approval: 'Id of the approval.',
  approvedBy: 'The second person, who approved. Absent if no approval was needed.',
  attempt: 'Number of the attempt, or of the code that was sent.',
  by: 'Whose quota was used up; in `session_revoked`: who ended it, if it was the customer.',
  callerTraceId: 'Trace id that the caller sent, and that was not adopted.',
  challenge: 'Hash of the challenge: follow one code.',
  changeId:
    'Id of the history record that the notification was about; 0: it was about a removed address or a second factor.',
  channel: 'How the customer or member of staff was reached, or acted.',
  claimedIp: 'Client-asserted IP: the address that the client states for its user.',
  clientId: 'OAuth client.',
  code: 'Error code, as the caller got it.',
  consumer: 'Durable consumer of the broker.',
  count: 'How many.',
  created: 'True if the customer is new.',
  customer: "The customer's code.",
  factor: 'Method of a second proof, or of a verification.',
  customerId: 'Id of the customer in the API of the back office.',
  customers: 'Customers whose data the answer had.',
  done: 'How many customers the job has reset.',
  drainSeconds: 'How long the service still serves, in seconds.',
  duplicate: 'True if the broker had stored this replay before.',
  err: 'What was thrown.',
  errors: 'Every error of the file, with its place.',
  eventId: 'Id of the event (`ce-id`).',
  expectedWaitMs: 'How long new work would wait, in milliseconds.',
  failed: 'How many customers the job skipped.',
  failures: 'Failed attempts.',
  flow: 'The endpoints that opened the challenge, or that asked for the token.',
  from: 'When the lockout began.',
  gatewayEpoch: 'Session epoch that the gateway has.',
  heldUntil: 'Until when the recovery hold would have lasted.',
  host: 'Host and port of the collector.',
  id: 'Id of the event (`ce-id`).',
  job: 'Id of the job.',
  kind: 'Kind of the record.',
  lane: 'Lane of the outbox.',
  learnt: 'How the notifier learnt it: at the hand-over, or by a report.',
  lost: 'Type of the event that is lost, or types of the events.',
  maker: 'The member of staff who asked for the approval.',
  maxBytes: 'Size limit of the stream in bytes; -1: none.',
  maxMessages: 'Most messages of the stream; -1: no limit.',
  method: 'HTTP method.',
  ms: 'Duration of the answer in milliseconds.',
  notBefore: 'Sessions that began at or before this time have ended.',
  operation: 'What was done to the second factors.',
  origin: 'Origin of the page.',
  parameters: "Names of the query's parameters; their values may be addresses.",
  passwordStored: 'True if the hash was stored.',
  pauseMs: 'How long look-ups are paused, in milliseconds.',
  port: 'Port of the machine.',
  purpose: 'What the code was for.',
  queue: 'Name of the queue.',
  queued: 'Notifications that wait for the notifier.',
  reason: 'Why.',
  record: 'Hash of the key of the record in Redis.',
  records: 'Records of the history that were kept, without personal data.',
  refused: 'Requests refused since the last such line.',
  retryAfterSeconds: 'When to try again, in seconds; -1: not before the back office lifts the lockout.',
  route: "The route's pattern; `none` if no route matched.",
  rpc: 'Subject of the RPC.',
  scope: 'Scope that the token would have had.',
  seconds: 'By how many seconds the stream keeps events too short.',
  sequence: 'Number of the message in the stream DEAD.',
  session: "Hash of the staff session's cookie.",
  sessionId: 'Id of the session.',
  smtpUtf8: 'True if the mail server offers SMTPUTF8.',
  spans: 'Spans that were lost since the last such line.',
  state: 'State of the job.',
  status: 'HTTP status.',
  stream: 'Stream of the broker.',
  streamSequence: 'Number of the message in the stream of the event.',
  total: 'Number of customers of the job.',
  totpsStored: 'Authenticator apps that were stored.',
  passkeysStored: 'Passkeys that were stored.',
  type: 'Type of the event, which is also its subject.',
  until: '`lifted`: until the back office lifts the lockout.',
  variable: 'Variable that names the file.',
  verification: 'Id of the verification.',
  verifiedEpoch: 'Session epoch at which the password was verified.',
  wasBlocked: 'True if the customer was blocked before.',
  what: 'Pattern of the path that was read.',
} as const

export type LogField = keyof typeof fieldMeanings

/** Fields that every line has, besides those of its event. */
export const commonFields = ['time', 'severity', 'service', 'traceId', 'event', 'msg'] as const satisfies LogField[]

/** Fields of what a member of staff did (S35). */
export const byStaff = {
  actor: Word(['back_office']),
  actorId: Subject,
  approvedBy: Type.Optional(Subject),
  clientId: Client,
  address: Network,
  channel: Word(['api']),
}
