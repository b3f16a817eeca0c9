import { type Static, Type } from '@sinclair/typebox'
import { RekeyError } from '../errors.ts'
import { FactorLabel, mostPasskeys, mostTotps, OneOf, Reason, SerialId, Time, Username } from '../fields.ts'
import { EnrolledPasskey } from '../passkeys.ts'
import { type Address, parseUsername } from '../username.ts'

/** The platform's id of a customer, and the subject of the customer's tokens. */
export const CustomerCode = Type.String({ pattern: '^[\\x21-\\x7E]{1,64}$', description: "The customer's code." })

const Locale = Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$', maxLength: 35, description: 'BCP 47.' })
const Timezone = Type.String({ pattern: '^[A-Za-z0-9_+/-]{1,64}$', description: 'IANA name.' })
const Status = OneOf(['active', 'blocked'])
const identifier = {
  value: Username,
  verified: Type.Boolean({ description: 'True if codes may be sent to this address.' }),
}

export const CustomerReference = Type.Object(
  {
    customer: Type.Optional(CustomerCode),
    customerId: Type.Optional(SerialId),
    username: Type.Optional({ ...Username, description: 'An address that the customer has confirmed.' }),
  },
  { description: 'Exactly one of the three fields.' },
)
export type CustomerReference = Static<typeof CustomerReference>

/** A reference to a customer in its one form. */
export type Reference = { code: string } | { id: number } | { address: Address }

/** @throws RekeyError invalid_request unless exactly one of the three fields is given */
export const toReference = ({ customer, customerId, username }: CustomerReference): Reference => {
  const given: Reference[] = [
    ...(customer !== undefined ? [{ code: customer }] : []),
    ...(customerId !== undefined ? [{ id: customerId }] : []),
    ...(username !== undefined ? [{ address: parseUsername(username) }] : []),
  ]
  const [only] = given
  if (only && given.length === 1) return only
  const message = 'must be the only one of customer, customerId and username'
  throw new RekeyError('invalid_request', {
    detail: 'Exactly one of customer, customerId, username must be given.',
    fields: ['customer', 'customerId', 'username'].map((field) => ({ field, code: 'not_exactly_one', message })),
  })
}

const NotFound = Type.Object({ found: Type.Literal(false) })
const found = {
  found: Type.Literal(true),
  customerId: Type.Integer(),
  customer: CustomerCode,
  status: Status,
}

export const CustomersGet = {
  subject: 'customers.get',
  summary: 'Get a customer.',
  request: CustomerReference,
  reply: Type.Union([
    NotFound,
    Type.Object({
      ...found,
      locale: Type.String(),
      timezone: Type.String(),
      identifiers: Type.Array(Type.Object({ ...identifier, kind: OneOf(['email', 'phone']) })),
    }),
  ]),
}
export type CustomersGetReply = Static<typeof CustomersGet.reply>

/** Less than customers.get: the gateway shows a customer's sessions and times, and needs no address (ASVS 14.2.6). */
export const CustomersSummary = {
  subject: 'customers.summary',
  summary: "Get a customer's code and time zone.",
  request: Type.Object(
    { customer: Type.Optional(CustomerCode), customerId: Type.Optional(SerialId) },
    { description: 'Exactly one of the two fields.' },
  ),
  reply: Type.Union([
    NotFound,
    Type.Object({ found: Type.Literal(true), customer: CustomerCode, timezone: Type.String() }),
  ]),
}
export type CustomersSummaryRequest = Static<typeof CustomersSummary.request>
export type CustomersSummaryReply = Static<typeof CustomersSummary.reply>

/** An authenticator app that the customer enrolled with the platform (RFC 6238). */
const EnrolledTotp = Type.Object({
  secret: Type.String({
    pattern: '^[A-Za-z2-7]{16,103}=*$',
    description: 'Base32 (RFC 4648 §6) of 10 to 64 bytes.',
    examples: ['GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'],
  }),
  algorithm: Type.Optional(OneOf(['sha1', 'sha256', 'sha512'], { description: 'By default sha1.' })),
  digits: Type.Optional(Type.Integer({ minimum: 6, maximum: 8, description: 'By default 6.' })),
  periodSeconds: Type.Optional(
    Type.Integer({
      minimum: 15,
      maximum: 120,
      description: 'By default 30; at most 2 minutes (NIST SP 800-63B-4 §3.1.4.2).',
    }),
  ),
  label: Type.Optional({ ...FactorLabel, description: `${FactorLabel.description} By default \`Authenticator app\`.` }),
})

/** Fields that are absent keep their value. `identifiers`, if present, replaces the whole list. */
export const CustomerRecord = Type.Object({
  customer: CustomerCode,
  locale: Type.Optional(Locale),
  timezone: Type.Optional(Timezone),
  identifiers: Type.Optional(Type.Array(Type.Object(identifier), { maxItems: 20 })),
  passwordHash: Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7E]{1,512}$',
      description:
        "PHC string of argon2, scrypt or PBKDF2, bcrypt, or Firebase's scrypt (`$fbscrypt$…`). Stored only if the customer has no password yet.",
    }),
  ),
  totps: Type.Optional(
    Type.Array(EnrolledTotp, {
      maxItems: mostTotps,
      description: 'Authenticator apps, in force at once. Stored only if this record creates the customer.',
    }),
  ),
  passkeys: Type.Optional(
    Type.Array(EnrolledPasskey, {
      maxItems: mostPasskeys,
      description: 'Passkeys of the same RP id, in force at once. Stored only if this record creates the customer.',
    }),
  ),
})
export type CustomerRecord = Static<typeof CustomerRecord>

export const CustomersUpsert = {
  subject: 'customers.upsert',
  summary: 'Create or update a customer.',
  request: CustomerRecord,
  reply: Type.Union([
    Type.Object({
      stored: Type.Literal(true),
      customerId: Type.Integer(),
      created: Type.Boolean(),
      passwordStored: Type.Boolean({ description: 'True if `passwordHash` was stored.' }),
      totpsStored: Type.Integer({ minimum: 0, description: 'How many of `totps` were stored: all or none.' }),
      passkeysStored: Type.Integer({ minimum: 0, description: 'How many of `passkeys` were stored: all or none.' }),
    }),
    Type.Object({
      stored: Type.Literal(false),
      reasons: Type.Array(Type.Object({ field: Type.String(), code: Type.String(), message: Type.String() })),
    }),
  ]),
}
export type CustomersUpsertReply = Static<typeof CustomersUpsert.reply>

export const CustomersErase = {
  subject: 'customers.erase',
  summary: 'Erase a customer; the history stays without what identifies a person.',
  request: Type.Object(
    {
      customer: Type.Optional(CustomerCode),
      customerId: Type.Optional(SerialId),
      reason: {
        ...Reason,
        description: 'Kept for ever with the erasure, and logged: one line, without personal data.',
      },
      dryRun: Type.Optional(Type.Boolean({ description: 'True: erase nothing, and return what would be erased.' })),
    },
    { description: 'Exactly one of customer and customerId.' },
  ),
  reply: Type.Union([
    NotFound,
    Type.Object({
      found: Type.Literal(true),
      erased: Type.Boolean({ description: 'False: a dry run.' }),
      customerId: Type.Integer(),
      records: Type.Integer({ description: 'History records that are kept without what identifies a person.' }),
      deleted: Type.Record(Type.String(), Type.Integer(), { description: 'Deleted rows by table.' }),
    }),
  ]),
}
export type CustomersEraseRequest = Static<typeof CustomersErase.request>
export type CustomersEraseReply = Static<typeof CustomersErase.reply>

export const PasswordStatus = {
  subject: 'password.status',
  summary: "State of a customer's password: last change, whether it must be changed, recovery hold, lockout.",
  request: CustomerReference,
  reply: Type.Union([
    NotFound,
    Type.Object({
      ...found,
      hasPassword: Type.Boolean(),
      mustChange: Type.Boolean(),
      temporaryUntil: Type.Optional(Time),
      holdUntil: Type.Optional({ ...Time, description: 'Absent if no recovery hold is active.' }),
      restoreBlock: Type.Optional(
        Type.Object(
          {
            from: Time,
            until: Type.Optional({ ...Time, description: 'Absent: until the back office lifts the lockout.' }),
          },
          { description: 'Lockout of restore after too many wrong codes; absent if there is none.' },
        ),
      ),
      lastChange: Type.Optional(
        Type.Object({
          id: Type.Integer(),
          type: OneOf(['changed', 'restored']),
          operation: OneOf(['change', 'restore', 'reset', 'set']),
          createTime: Time,
        }),
      ),
    }),
  ]),
}
export type PasswordStatusReply = Static<typeof PasswordStatus.reply>
