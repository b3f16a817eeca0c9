import type { CustomerRecord } from '@rekey/contracts'

/** A customer of an export, and why the password does not come along. */
export interface Converted {
  record: CustomerRecord
  /** The customer has to restore the password. */
  withoutPassword?: string
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
  { locale, passwordHash }: { locale?: string | undefined; passwordHash?: string | undefined },
): CustomerRecord => {
  const given = addresses.flatMap(({ value, verified }) => (value ? [{ value, verified }] : []))
  const identifiers = [...new Map(given.map((address) => [address.value, address])).values()]
  return {
    customer,
    ...(locale && { locale: locale.replace('_', '-') }),
    ...(identifiers.length > 0 && { identifiers }),
    ...(passwordHash && { passwordHash }),
  }
}

/** Base64 as PHC strings have it: the standard alphabet, without padding. */
export const toPhcBase64 = (text: string): string => text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')

/** A phone number in E.164 form, with the plus that some systems leave out. */
export const toE164 = (phone: string | undefined | null): string | undefined =>
  phone ? (phone.startsWith('+') ? phone : `+${phone}`) : undefined
