import type { Address, Recipient } from '@rekey/contracts'

/** The channel of an address. */
export const channelOf = (kind: Address['kind']): Recipient['channel'] => (kind === 'email' ? 'email' : 'sms')

/** How the notifier reaches a customer at one of its addresses. */
export const toRecipient = (
  { kind, value }: Address,
  { locale, timezone }: Pick<Recipient, 'locale' | 'timezone'>,
): Recipient => ({ channel: channelOf(kind), to: value, locale, timezone })
