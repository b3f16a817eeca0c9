import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { toBase32 } from '../../../services/password-service/src/factor-secrets/totp.ts'
import { readUsers } from './export.ts'
import {
  type Converted,
  type ExportedPasskey,
  type ExportedTotp,
  type System,
  toLabel,
  toPasskey,
  toPhcBase64,
  toRecord,
} from './system.ts'

const Text = Type.String()
const User = Type.Object({
  id: Text,
  email: Type.Optional(Text),
  emailVerified: Type.Optional(Type.Boolean()),
  attributes: Type.Optional(Type.Record(Text, Type.Array(Text))),
  credentials: Type.Optional(
    Type.Array(
      Type.Object({
        type: Text,
        userLabel: Type.Optional(Text),
        secretData: Type.Optional(Text),
        credentialData: Type.Optional(Text),
      }),
    ),
  ),
})
/** Both are JSON in a text. */
const Secret = Type.Object({ value: Text, salt: Type.Optional(Text) })
const Data = Type.Object({
  hashIterations: Type.Integer(),
  algorithm: Text,
  additionalParameters: Type.Optional(Type.Record(Text, Type.Array(Text))),
})

type Credential = NonNullable<Static<typeof User>['credentials']>[number]

const OtpData = Type.Object({
  subType: Text,
  digits: Type.Integer(),
  period: Type.Integer(),
  algorithm: Text,
  secretEncoding: Type.Optional(Type.Union([Text, Type.Null()])),
})

const WebAuthnData = Type.Object({
  credentialId: Text,
  credentialPublicKey: Text,
  counter: Type.Integer(),
  transports: Type.Optional(Type.Union([Type.Array(Text), Type.Null()])),
  aaguid: Type.Optional(Type.Union([Text, Type.Null()])),
})

/** @throws Error without the text: it is a secret, and the parser would quote it */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('secretData or credentialData of a credential is not JSON')
  }
}

/** Keycloak names PBKDF2 with SHA-1 `pbkdf2`. */
const pbkdf2Digests: Record<string, string> = { pbkdf2: 'sha1', 'pbkdf2-sha256': 'sha256', 'pbkdf2-sha512': 'sha512' }

const toHash = (secretData: string, credentialData: string): string | undefined => {
  const secret = Value.Parse(Secret, parseJson(secretData))
  const { algorithm, hashIterations, additionalParameters = {} } = Value.Parse(Data, parseJson(credentialData))
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

/** Keycloak names the algorithms of TOTP as Java does. */
const otpAlgorithms: Record<string, ExportedTotp['algorithm']> = {
  HmacSHA1: 'sha1',
  HmacSHA256: 'sha256',
  HmacSHA512: 'sha512',
}

/** @returns a reason if the credential cannot be taken along */
const toTotp = ({ userLabel, secretData = '', credentialData = '' }: Credential): ExportedTotp | string => {
  const { value } = Value.Parse(Secret, parseJson(secretData))
  const { subType, digits, period, algorithm, secretEncoding } = Value.Parse(OtpData, parseJson(credentialData))
  const known = otpAlgorithms[algorithm]
  if (subType !== 'totp') return `one-time passwords of the kind ${subType}`
  if (!known) return 'TOTP of an unknown algorithm'
  // Without an encoding the characters of the text are the bytes of the secret; apps were shown their Base32.
  const secret = secretEncoding?.toUpperCase() === 'BASE32' ? value.replaceAll(' ', '') : toBase32(Buffer.from(value))
  return { secret, algorithm: known, digits, periodSeconds: period, ...toLabel(userLabel) }
}

/** @returns a reason if the credential cannot be taken along */
const toWebAuthn = ({ userLabel, credentialData = '' }: Credential): ExportedPasskey | string => {
  const data = Value.Parse(WebAuthnData, parseJson(credentialData))
  const { credentialId, credentialPublicKey: publicKey, counter, transports, aaguid } = data
  const other = { ...(transports && { transports }), ...(aaguid && { aaguid }), ...toLabel(userLabel) }
  return toPasskey({ credentialId, publicKey, counter, ...other })
}

const webAuthnTypes = ['webauthn', 'webauthn-passwordless']

/** The second factors of a user. Recovery codes are hashes, whose codes cannot be recognised. */
const toFactors = (credentials: Credential[]) => {
  const totps = credentials.filter(({ type }) => type === 'otp').map(toTotp)
  const passkeys = credentials.filter(({ type }) => webAuthnTypes.includes(type)).map(toWebAuthn)
  const others = credentials.filter(({ type }) => !['password', 'otp', ...webAuthnTypes].includes(type))
  return {
    totps: totps.filter((factor) => typeof factor !== 'string'),
    passkeys: passkeys.filter((factor) => typeof factor !== 'string'),
    factorsLeftOut: [
      ...[...totps, ...passkeys].filter((factor) => typeof factor === 'string'),
      ...others.map(({ type }) => `credentials of the type ${type}`),
    ],
  }
}

/** `kc.sh export`: a realm, or one of its files of users. */
export const keycloak: System = {
  read: readUsers,
  convert(user): Converted {
    const { id, email, emailVerified = false, attributes = {}, credentials = [] } = Value.Parse(User, user)
    const { secretData, credentialData } = credentials.find(({ type }) => type === 'password') ?? {}
    const passwordHash = secretData && credentialData ? toHash(secretData, credentialData) : undefined
    const { totps, passkeys, factorsLeftOut } = toFactors(credentials)
    const record = toRecord(
      id,
      [
        { value: email, verified: emailVerified },
        { value: attributes.phoneNumber?.[0], verified: attributes.phoneNumberVerified?.[0] === 'true' },
      ],
      { locale: attributes.locale?.[0], passwordHash, totps, passkeys },
    )
    if (passwordHash) return { record, factorsLeftOut }
    return { record, factorsLeftOut, withoutPassword: secretData ? 'unknown algorithm' : 'no password' }
  },
}
