import type { CustomerRecord } from '@rekey/contracts'
import { canVerify } from '../../../services/password-service/src/factor-secrets/cose-key.ts'

/** An authenticator app of a record. */
export type ExportedTotp = NonNullable<CustomerRecord['totps']>[number]

/** A passkey of a record. */
export type ExportedPasskey = NonNullable<CustomerRecord['passkeys']>[number]

/** A customer of an export, and why the password or a second factor does not come along. */
export interface Converted {
  record: CustomerRecord
  /** The customer has to restore the password. */
  withoutPassword?: string
  /** One reason for each second factor that is left out: the customer enrols another. */
  factorsLeftOut?: string[]
}

/** A system whose export can be converted. */
export interface System {
  /** Reads the users of an export one after the other. */
  read(path: string): AsyncIterable<unknown>
  /** @throws Error if the user lacks what every customer has */
  convert(user: unknown): Converted
}

interface Address {
  value: string | undefined | null
  verified: boolean
}

/** A record with those addresses that the user has. */
export const toRecord = (
  customer: string,
  addresses: Address[],
  {
    locale,
    passwordHash,
    totps = [],
    passkeys = [],
  }: {
    locale?: string | undefined
    passwordHash?: string | undefined
    totps?: ExportedTotp[]
    passkeys?: ExportedPasskey[]
  },
): CustomerRecord => {
  const given = addresses.flatMap(({ value, verified }) => (value ? [{ value, verified }] : []))
  const identifiers = [...new Map(given.map((address) => [address.value, address])).values()]
  return {
    customer,
    ...(locale && { locale: locale.replace('_', '-') }),
    ...(identifiers.length > 0 && { identifiers }),
    ...(passwordHash && { passwordHash }),
    ...(totps.length > 0 && { totps }),
    ...(passkeys.length > 0 && { passkeys }),
  }
}

/** Base64 as PHC strings have it: the standard alphabet, without padding. */
export const toPhcBase64 = (text: string): string => text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')

/** A phone number in E.164 form, with the plus that some systems leave out. */
export const toE164 = (phone: string | undefined | null): string | undefined =>
  phone ? (phone.startsWith('+') ? phone : `+${phone}`) : undefined

/** The name of a device as a label: one line of at most 64 characters; absent if nothing is left. */
export const toLabel = (name: string | undefined | null): { label?: string } => {
  const line = (name ?? '').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim()
  const label = Array.from(line).slice(0, 64).join('').trim()
  return label ? { label } : {}
}

const toBase64Url = (text: string) => Buffer.from(text, 'base64').toString('base64url')

/** A passkey, whose id and public key are in either alphabet of Base64. @returns a reason if it cannot be taken along */
export const toPasskey = ({ credentialId, publicKey, ...other }: ExportedPasskey): ExportedPasskey | string => {
  const passkey = { credentialId: toBase64Url(credentialId), publicKey: toBase64Url(publicKey), ...other }
  return canVerify(passkey.publicKey) ? passkey : 'passkeys of another algorithm'
}
