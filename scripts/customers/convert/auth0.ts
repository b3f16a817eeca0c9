import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readObjectLines } from './export.ts'
import { type Converted, type System, toRecord } from './system.ts'

const Text = Type.String()
const User = Type.Object({
  _id: Type.Object({ $oid: Text }),
  alt_id: Type.Optional(Text),
  email: Type.Optional(Text),
  email_verified: Type.Optional(Type.Boolean()),
  passwordHash: Type.Optional(Text),
  identifiers: Type.Optional(
    Type.Array(Type.Object({ type: Text, value: Text, verified: Type.Optional(Type.Boolean()) })),
  ),
  // The form in which Auth0 takes enrolments: one of these in each entry.
  mfa_factors: Type.Optional(
    Type.Array(
      Type.Object({
        totp: Type.Optional(Type.Object({ secret: Text })),
        phone: Type.Optional(Type.Object({ value: Text })),
        email: Type.Optional(Type.Object({ value: Text })),
      }),
    ),
  ),
})

/**
 * The password hash export: one user a line. Users of several connections keep their ids apart. A phone number that is
 * enrolled for the second proof alone stays out: here a confirmed one may begin a restore.
 */
export const auth0: System = {
  read: readObjectLines,
  convert(value): Converted {
    const user = Value.Parse(User, value)
    const listed = (user.identifiers ?? [])
      .filter(({ type }) => type === 'email' || type === 'phone_number')
      .map(({ value, verified = false }) => ({ value, verified }))
    const isListed = listed.some((address) => address.value === user.email)
    const addresses = isListed ? listed : [{ value: user.email, verified: user.email_verified ?? false }, ...listed]
    const factors = user.mfa_factors ?? []
    const totps = factors.flatMap(({ totp }) => (totp ? [{ secret: totp.secret }] : []))
    const known = new Set(addresses.map(({ value }) => value))
    const factorsLeftOut = factors.flatMap(({ phone, email }) =>
      [phone, email].flatMap((one) => (one && !known.has(one.value) ? 'an address for the second proof alone' : [])),
    )
    const { passwordHash } = user
    const record = toRecord(`auth0|${user.alt_id ?? user._id.$oid}`, addresses, { passwordHash, totps })
    return record.passwordHash ? { record, factorsLeftOut } : { record, factorsLeftOut, withoutPassword: 'no password' }
  },
}
