import { Recipient, Username, type VerificationSecret } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import type { Keys } from '@rekey/platform/keys'
import { unseal } from '@rekey/platform/seal'
import { compileCheck } from '@rekey/platform/validation'
import { Type } from '@sinclair/typebox'

interface Deps {
  /** Keys that the gateway encrypts codes with. */
  codeKeys: Keys
  /** Keys that the password-service encrypts the other fields with. */
  addressKeys: Keys
}

/**
 * Decrypts sealed fields of events. `context` is the challenge's id in `notify.code` and the event's id in notifications.
 *
 * @throws PermanentError if the field cannot be decrypted or its content is invalid
 */
export interface SealedFields {
  recipient(context: string, sealed: string): Promise<Recipient>
  code(context: string, sealed: string): Promise<string>
  password(context: string, sealed: string): Promise<string>
  reportLink(context: string, sealed: string): Promise<string>
  verification(context: string, sealed: string): Promise<VerificationSecret>
  vetoLink(context: string, sealed: string): Promise<string>
}

// Validated although a service of this platform encrypted it: a comma or line break would make several addresses of one.
const isRecipient = compileCheck(Type.Composite([Recipient, Type.Object({ to: Username })]))
const isCode = compileCheck(Type.String({ pattern: '^\\d{6,12}$' }))
const isPassword = compileCheck(Type.String({ minLength: 1 }))
const isVerification = compileCheck(
  Type.Object({ words: Type.String({ pattern: '^\\p{L}+ \\p{L}+$' }), code: Type.String({ pattern: '^\\d{6}$' }) }),
)
/** With a handle, or with the sealed token of a password-service of an earlier version. */
const isReportLink = compileCheck(
  Type.String({ pattern: '^https?://[^\\s/?#]+/(n/[\\w-]{22}|not-me\\?token=[\\w.-]+)$' }),
)
const isVetoLink = compileCheck(Type.String({ pattern: '^https?://[^\\s/?#]+/v/[\\w-]{22}$' }))

export const createSealedFields = ({ codeKeys, addressKeys }: Deps): SealedFields => {
  const decrypt =
    <T>(what: string, keys: Keys, isValid: (value: unknown) => boolean) =>
    async (context: string, sealed: string): Promise<T> => {
      let value: T
      try {
        value = await unseal<T>(keys, context, sealed)
      } catch {
        throw new PermanentError(`the ${what} cannot be opened`)
      }
      if (!isValid(value)) throw new PermanentError(`the ${what} is not a valid one`)
      return value
    }
  return {
    recipient: decrypt<Recipient>('recipient', addressKeys, isRecipient),
    code: decrypt<string>('code', codeKeys, isCode),
    password: decrypt<string>('password', addressKeys, isPassword),
    reportLink: decrypt<string>('report link', addressKeys, isReportLink),
    verification: decrypt<VerificationSecret>('secret', addressKeys, isVerification),
    vetoLink: decrypt<string>('veto link', addressKeys, isVetoLink),
  }
}
