import { RekeyError, type Verification, type VerificationChannel } from '@rekey/contracts'
import type { PageLanguage } from '@rekey/texts'
import { html } from 'ghtml'
import type { Api } from './api.ts'
import { badge, type Fact, timeOf } from './elements.ts'
import { consolePath } from './return-path.ts'
import type { StaffTexts } from './staff-texts.ts'

// The verification of the customer on the pages of the customer and of the acts (S59).

/** This member's verification of a customer, and the ways to verify; undefined at a password-service of an earlier version. */
export const verificationOf = (api: Pick<Api, 'get'>, clientId: number | string): Promise<Verification | undefined> =>
  api.get<Verification>(`/api/v2/clients/${clientId}/verifications`).catch((error) => {
    if (error instanceof RekeyError && error.code === 'not_found') return undefined
    throw error
  })

export const verifyPath = (clientId: number | string) => `${consolePath}/customers/${clientId}/verify`

/** "Verified until", or that the customer is not. */
export const verificationFact = (
  t: StaffTexts,
  language: PageLanguage,
  { verifiedUntil }: Pick<Verification, 'verifiedUntil'>,
): Fact => [
  t('verify.fact'),
  verifiedUntil === undefined
    ? badge(t('verify.fact.no'), 'open')
    : html`!${badge(t('verify.fact.yes'), 'good')} ${t('customer.until')} !${timeOf(language, verifiedUntil)}`,
]

/** The notice of an act that needs a proof: until when the verification counts, or the next step without one. */
export const proofNotice = (
  t: StaffTexts,
  language: PageLanguage,
  { required, verifiedUntil, channels }: Verification,
  clientId: number | string,
): string => {
  if (verifiedUntil !== undefined) {
    return html`<p class="notice">${t('verify.counts')} !${timeOf(language, verifiedUntil)}.</p>`
  }
  if (!required) return ''
  if (channels.length === 0) return html`<p class="notice">${t('verify.impossible')} ${t('verify.without')}</p>`
  return html`<p class="notice">${t('verify.missing')} <a href="${verifyPath(clientId)}">${t('verify.link')}</a><br>
${t('verify.without')}</p>`
}

const channelKeys = {
  email: 'verify.channel.email',
  sms: 'verify.channel.sms',
  otp: 'verify.channel.otp',
} as const

/** HTML of a way to verify the customer. */
export const channelName = (
  t: StaffTexts,
  { channel, to }: { channel: VerificationChannel; to?: string | undefined },
): string => html`${t(channelKeys[channel])}!${to === undefined ? '' : html` <bdi dir="ltr">${to}</bdi>`}`
