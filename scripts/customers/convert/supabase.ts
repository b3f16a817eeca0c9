import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readObjectLines } from './export.ts'
import { type Converted, type System, toE164, toRecord } from './system.ts'

const Nullable = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const Row = Type.Object({
  id: Type.String(),
  email: Nullable,
  email_confirmed_at: Nullable,
  phone: Nullable,
  phone_confirmed_at: Nullable,
  encrypted_password: Nullable,
})

const usable = /^\$(2[aby]|argon2(id|i|d)|fbscrypt)\$/

/** Rows of `auth.users` as JSON, one a line. */
export const supabase: System = {
  read: readObjectLines,
  convert(row): Converted {
    const user = Value.Parse(Row, row)
    const hash = user.encrypted_password
    const record = toRecord(
      user.id,
      [
        { value: user.email, verified: Boolean(user.email_confirmed_at) },
        { value: toE164(user.phone), verified: Boolean(user.phone_confirmed_at) },
      ],
      { passwordHash: hash && usable.test(hash) ? hash : undefined },
    )
    if (record.passwordHash) return { record }
    return { record, withoutPassword: hash ? 'unknown algorithm' : 'no password' }
  },
}
