import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readObjectLines } from './export.ts'
import { type Converted, type System, toPhcBase64, toRecord } from './system.ts'

const Text = Type.String()
const Identity = Type.Object({
  id: Text,
  traits: Type.Optional(Type.Object({ locale: Type.Optional(Text) })),
  verifiable_addresses: Type.Optional(
    Type.Array(Type.Object({ value: Text, verified: Type.Boolean(), via: Type.Optional(Text) })),
  ),
  credentials: Type.Optional(
    Type.Object({
      password: Type.Optional(
        Type.Object({ config: Type.Optional(Type.Object({ hashed_password: Type.Optional(Text) })) }),
      ),
    }),
  ),
})

/** `$firescrypt$ln=14,r=8,p=1$<salt>$<hash>$<salt separator>$<signer key>` */
const firescrypt = /^\$firescrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]+)\$([^$]+)\$([^$]*)\$([^$]+)$/
const usable = /^\$(argon2(id|i|d)|2[aby]|scrypt|pbkdf2(-sha(1|256|512))?)\$/

const toHash = (hashed: string): string | undefined => {
  const [, n, r, p, salt = '', hash = '', separator = '', key = ''] = firescrypt.exec(hashed) ?? []
  if (n) {
    const secrets = `ss=${toPhcBase64(separator)},sk=${toPhcBase64(key)}`
    return `$fbscrypt$v=1,n=${n},r=${r},p=${p},${secrets}$${toPhcBase64(salt)}$${toPhcBase64(hash)}`
  }
  return usable.test(hashed) ? hashed : undefined
}

/** Identities of the admin API with `include_credential=password`, one a line. */
export const kratos: System = {
  read: readObjectLines,
  convert(identity): Converted {
    const { id, traits, verifiable_addresses = [], credentials } = Value.Parse(Identity, identity)
    const hashed = credentials?.password?.config?.hashed_password
    const passwordHash = hashed ? toHash(hashed) : undefined
    const record = toRecord(id, verifiable_addresses, { locale: traits?.locale, passwordHash })
    if (passwordHash) return { record }
    return { record, withoutPassword: hashed ? 'unknown algorithm' : 'no password' }
  },
}
