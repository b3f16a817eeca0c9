import type { KeyObject } from 'node:crypto'
import { Recipient, Username } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import { unseal } from '@rekey/platform/seal'
import { compileCheck } from '@rekey/platform/validation'
import { Type } from '@sinclair/typebox'

interface Deps {
  /** Shared with the gateway. */
  codeKey: KeyObject
  /** Shared with the password-service. */
  addressKey: KeyObject
}

/**
 * Opens what events carry sealed. `context` is the challenge's id in `notify.code` and the event's own id in notices.
 *
 * @throws PermanentError where it cannot be opened or is not what it should be
 */
export interface Opener {
  recipient(context: string, sealed: string): Promise<Recipient>
  code(context: string, sealed: string): Promise<string>
  password(context: string, sealed: string): Promise<string>
  reportLink(context: string, sealed: string): Promise<string>
}

// Checked again although a colleague sealed it: an address with a comma or a line break in it would be several.
const isRecipient = compileCheck(Type.Composite([Recipient, Type.Object({ to: Username })]))
const isCode = compileCheck(Type.String({ pattern: '^\\d{6,12}$' }))
const isPassword = compileCheck(Type.String({ minLength: 1 }))
const isReportLink = compileCheck(Type.String({ pattern: '^https?://[^\\s/?#]+/not-me\\?token=[\\w.-]+$' }))

export const createOpener = ({ codeKey, addressKey }: Deps): Opener => {
  const opened =
    <T>(what: string, key: KeyObject, isSound: (value: unknown) => boolean) =>
    async (context: string, sealed: string): Promise<T> => {
      const value = await unseal<T>(key, context, sealed).catch(() => {
        throw new PermanentError(`the ${what} cannot be opened`)
      })
      if (!isSound(value)) throw new PermanentError(`the ${what} is not a valid one`)
      return value
    }
  return {
    recipient: opened<Recipient>('recipient', addressKey, isRecipient),
    code: opened<string>('code', codeKey, isCode),
    password: opened<string>('password', addressKey, isPassword),
    reportLink: opened<string>('report link', addressKey, isReportLink),
  }
}
