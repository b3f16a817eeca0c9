import type { Address, Recipient } from '@rekey/contracts'

/** How the notifier reaches a customer at one of its addresses. */
export const toRecipient = (
  { kind, value }: Address,
  { locale, timezone }: Pick<Recipient, 'locale' | 'timezone'>,
): Recipient => ({ channel: kind === 'email' ? 'email' : 'sms', to: value, locale, timezone })
