import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { readUsers } from './export.ts'
import { type Converted, type System, toPhcBase64, toRecord } from './system.ts'

const Text = Type.String()
const User = Type.Object({
  id: Text,
  email: Type.Optional(Text),
  emailVerified: Type.Optional(Type.Boolean()),
  attributes: Type.Optional(Type.Record(Text, Type.Array(Text))),
  credentials: Type.Optional(
    Type.Array(Type.Object({ type: Text, secretData: Type.Optional(Text), credentialData: Type.Optional(Text) })),
  ),
})
/** Both are JSON in a text. */
const Secret = Type.Object({ value: Text, salt: Type.Optional(Text) })
const Data = Type.Object({
  hashIterations: Type.Integer(),
  algorithm: Text,
  additionalParameters: Type.Optional(Type.Record(Text, Type.Array(Text))),
})

/** Keycloak names PBKDF2 with SHA-1 `pbkdf2`. */
const pbkdf2Digests: Record<string, string> = { pbkdf2: 'sha1', 'pbkdf2-sha256': 'sha256', 'pbkdf2-sha512': 'sha512' }

const toHash = (secretData: string, credentialData: string): string | undefined => {
  const secret = Value.Parse(Secret, JSON.parse(secretData))
  const { algorithm, hashIterations, additionalParameters = {} } = Value.Parse(Data, JSON.parse(credentialData))
  const salt = toPhcBase64(secret.salt ?? '')
  const hash = toPhcBase64(secret.value)
  const digest = pbkdf2Digests[algorithm]
  if (digest) return `$pbkdf2-${digest}$i=${hashIterations}$${salt}$${hash}`
  if (algorithm !== 'argon2') return undefined
  const parameter = (name: string) => additionalParameters[name]?.[0]
  const version = parameter('version') === '1.0' ? 16 : 19
  const costs = `m=${parameter('memory')},t=${hashIterations},p=${parameter('parallelism')}`
  return `$argon2${parameter('type')}$v=${version}$${costs}$${salt}$${hash}`
}

/** `kc.sh export`: a realm, or one of its files of users. */
export const keycloak: System = {
  read: readUsers,
  convert(user): Converted {
    const { id, email, emailVerified = false, attributes = {}, credentials = [] } = Value.Parse(User, user)
    const { secretData, credentialData } = credentials.find(({ type }) => type === 'password') ?? {}
    const passwordHash = secretData && credentialData ? toHash(secretData, credentialData) : undefined
    const record = toRecord(
      id,
      [
        { value: email, verified: emailVerified },
        { value: attributes.phoneNumber?.[0], verified: attributes.phoneNumberVerified?.[0] === 'true' },
      ],
      { locale: attributes.locale?.[0], passwordHash },
    )
    if (passwordHash) return { record }
    return { record, withoutPassword: secretData ? 'unknown algorithm' : 'no password' }
  },
}
