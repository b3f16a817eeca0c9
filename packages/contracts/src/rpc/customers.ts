import { type Static, Type } from '@sinclair/typebox'
import { RekeyError } from '../errors.ts'
import { OneOf, SerialId, Time, Username } from '../fields.ts'
import { type Address, parseUsername } from '../username.ts'

/** The platform's own name for a customer, and the subject of its tokens. */
export const CustomerCode = Type.String({ pattern: '^[\\x21-\\x7E]{1,64}$', description: "The customer's code." })

const Locale = Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$', maxLength: 35, description: 'BCP 47.' })
const Timezone = Type.String({ pattern: '^[A-Za-z0-9_+/-]{1,64}$', description: 'IANA name.' })
const Status = OneOf(['active', 'blocked'])
const identifier = { value: Username, verified: Type.Boolean({ description: 'Whether codes may be sent there.' }) }

export const CustomerReference = Type.Object(
  {
    customer: Type.Optional(CustomerCode),
    customerId: Type.Optional(SerialId),
    username: Type.Optional({ ...Username, description: 'An address that the customer has confirmed.' }),
  },
  { description: 'Exactly one of the three.' },
)
export type CustomerReference = Static<typeof CustomerReference>

/** The one thing that a customer is referred to by. */
export type Reference = { code: string } | { id: number } | { address: Address }

/** @throws RekeyError invalid_request where not exactly one of the three is given */
export const toReference = ({ customer, customerId, username }: CustomerReference): Reference => {
  const given: Reference[] = [
    ...(customer !== undefined ? [{ code: customer }] : []),
    ...(customerId !== undefined ? [{ id: customerId }] : []),
    ...(username !== undefined ? [{ address: parseUsername(username) }] : []),
  ]
  const [only] = given
  if (only && given.length === 1) return only
  const message = 'must be given if and only if the others of customer, customerId, username are not'
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
  summary: 'Who is this customer?',
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

/** What is not named stays as it is; `identifiers`, where named, are all there are. */
export const CustomerRecord = Type.Object({
  customer: CustomerCode,
  locale: Type.Optional(Locale),
  timezone: Type.Optional(Timezone),
  identifiers: Type.Optional(Type.Array(Type.Object(identifier), { maxItems: 20 })),
  passwordHash: Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7E]{1,512}$',
      description:
        'PHC string of argon2, scrypt or PBKDF2, or bcrypt. Taken only where the customer has no password yet.',
    }),
  ),
})
export type CustomerRecord = Static<typeof CustomerRecord>

export const CustomersUpsert = {
  subject: 'customers.upsert',
  summary: 'Make this customer be as given.',
  request: CustomerRecord,
  reply: Type.Union([
    Type.Object({
      stored: Type.Literal(true),
      customerId: Type.Integer(),
      created: Type.Boolean(),
      passwordStored: Type.Boolean({ description: 'Whether `passwordHash` was taken.' }),
    }),
    Type.Object({
      stored: Type.Literal(false),
      reasons: Type.Array(Type.Object({ field: Type.String(), code: Type.String(), message: Type.String() })),
    }),
  ]),
}
export type CustomersUpsertReply = Static<typeof CustomersUpsert.reply>

export const PasswordStatus = {
  subject: 'password.status',
  summary: "How is this customer's password: last change, must it be changed, is a recovery hold on?",
  request: CustomerReference,
  reply: Type.Union([
    NotFound,
    Type.Object({
      ...found,
      hasPassword: Type.Boolean(),
      mustChange: Type.Boolean(),
      temporaryUntil: Type.Optional(Time),
      holdUntil: Type.Optional({ ...Time, description: 'Absent where no recovery hold is on.' }),
      restoreBlock: Type.Optional(
        Type.Object(
          { from: Time, until: Type.Optional({ ...Time, description: 'Absent: until the back office lifts it.' }) },
          { description: 'Absent where wrong codes do not block restore.' },
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
