import { Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { toBase32 } from '../../../services/password-service/src/factor-secrets/totp.ts'
import { readObjectLines } from './export.ts'
import { type Converted, type System, toLabel, toPasskey, toPhcBase64, toRecord } from './system.ts'

const Text = Type.String()
const Row = Type.Object({
  uuid: Text,
  email: Type.Optional(Text),
  email_verified: Type.Optional(Type.Boolean()),
  password: Type.Optional(Text),
  totp_devices: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.Optional(Text),
        /** Hexadecimal. */
        key: Type.String({ pattern: '^([0-9a-fA-F]{2})+$' }),
        step: Type.Integer(),
        t0: Type.Integer(),
        digits: Type.Integer(),
      }),
    ),
  ),
  webauthn_devices: Type.Optional(
    Type.Array(
      Type.Object({
        name: Type.Optional(Text),
        credential_id: Text,
        public_key: Text,
        sign_count: Type.Integer(),
        aaguid: Type.Optional(Type.Union([Text, Type.Null()])),
      }),
    ),
  ),
})
type Device = NonNullable<(typeof Row)['static']['totp_devices']>[number]

/** Django's `<algorithm>$<iterations>$<salt>$<hash>`: the salt's characters are its bytes. */
const pbkdf2 = /^pbkdf2_(sha1|sha256)\$(\d+)\$([^$]+)\$([^$]+)$/
/** Django puts the algorithm before a string that is complete. */
const complete = /^(?:argon2(\$argon2(?:id|i|d)\$.+)|bcrypt\$(\$2[aby]\$.+))$/

const toHash = (password: string): string | undefined => {
  const [, digest, iterations, salt = '', hash = ''] = pbkdf2.exec(password) ?? []
  if (digest) {
    const encodedSalt = toPhcBase64(Buffer.from(salt).toString('base64'))
    return `$pbkdf2-${digest}$i=${iterations}$${encodedSalt}$${toPhcBase64(hash)}`
  }
  const [, argon2, bcrypt] = complete.exec(password) ?? []
  return argon2 ?? bcrypt
}

const beginsAtEpoch = ({ t0 }: Device) => t0 === 0

/** Rows of users with their confirmed TOTP and WebAuthn devices as JSON, one a line. Django marks an unusable password by `!`. */
export const authentik: System = {
  read: readObjectLines,
  convert(row): Converted {
    const { uuid, email, email_verified = false, password = '!', ...devices } = Value.Parse(Row, row)
    const { totp_devices = [], webauthn_devices = [] } = devices
    const totps = totp_devices.filter(beginsAtEpoch).map(({ name, key, step, digits }) => ({
      secret: toBase32(Buffer.from(key, 'hex')),
      digits,
      periodSeconds: step,
      ...toLabel(name),
    }))
    const passkeys = webauthn_devices.map(({ name, credential_id, public_key, sign_count, aaguid }) =>
      toPasskey({
        credentialId: credential_id,
        publicKey: public_key,
        counter: sign_count,
        ...(aaguid && { aaguid }),
        ...toLabel(name),
      }),
    )
    const factorsLeftOut = [
      ...totp_devices.flatMap((device) => (beginsAtEpoch(device) ? [] : 'TOTP with another epoch')),
      ...passkeys.filter((passkey) => typeof passkey === 'string'),
    ]
    const passwordHash = toHash(password)
    const record = toRecord(uuid, [{ value: email, verified: email_verified }], {
      passwordHash,
      totps,
      passkeys: passkeys.filter((passkey) => typeof passkey !== 'string'),
    })
    if (passwordHash) return { record, factorsLeftOut }
    return { record, factorsLeftOut, withoutPassword: password.startsWith('!') ? 'no password' : 'unknown algorithm' }
  },
}
