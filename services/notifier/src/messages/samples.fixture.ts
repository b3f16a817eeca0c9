import type { FactorOperation, Process, Purpose, Recipient, WaitingRestoreNotice } from '@rekey/contracts'
import { noTheme, type PageLanguage, type Theme } from '@rekey/texts'
import type { Message } from '../channels/delivery.ts'
import { addressRemovedMessage } from './address-removed/address-removed.message.ts'
import { askedWhileBlockedMessage } from './asked-while-blocked/asked-while-blocked.message.ts'
import { codeMessage } from './code/code.message.ts'
import { factorsChangedMessage } from './factors-changed/factors-changed.message.ts'
import { type Operation, passwordChangedMessage } from './password-changed/password-changed.message.ts'
import { createPresentations, type Presentation } from './presentation.ts'
import {
  type Operation as ProtectionOperation,
  protectionChangedMessage,
} from './protection-changed/protection-changed.message.ts'
import { resetRequestedMessage } from './reset-requested/reset-requested.message.ts'
import { restoreBlockedMessage } from './restore-blocked/restore-blocked.message.ts'
import { restoreWaitingMessage } from './restore-waiting/restore-waiting.message.ts'
import { type SetBy, temporaryPasswordMessage } from './temporary-password/temporary-password.message.ts'
import { verificationMessage } from './verification/verification.message.ts'

/** Values that differ between customers and platforms. */
export interface SampleValues {
  brand: string
  contact: string
  publicUrl: string
  locale: (language: PageLanguage) => string
  timezone: string
  code: string
  verificationCode: string
  /** Words and code that the help desk verifies a caller with. */
  words: string
  helpDeskCode: string
  password: string
  ip: string
  /** Masked addresses. */
  replacedBy: string[]
}

const usualLocales: Record<string, string> = { en: 'en-GB', de: 'de-DE', es: 'es-ES', ru: 'ru-RU' }

export const usual: SampleValues = {
  brand: 'Example Bank',
  contact: '+44 20 7946 0000',
  publicUrl: 'https://id.bank.example',
  locale: (language) => usualLocales[language] ?? 'en-GB',
  timezone: 'Asia/Nicosia',
  code: '012345',
  verificationCode: '7024',
  words: 'amber river',
  helpDeskCode: '516538',
  password: 'k7mq3zt9xw4hd2vn',
  ip: '203.0.113.7',
  replacedBy: ['b*1@gmail.com'],
}

/** The longest values that an SMS has room for: a name of 20 characters, a host of 30, a code of 12 digits. */
export const longest: SampleValues = {
  ...usual,
  brand: 'Erste Musterbank von',
  contact: '+44 (0) 20 7946 0000',
  publicUrl: 'https://passwort.musterbank-von.berlin',
  locale: (language) => (language === 'en' ? 'en-US' : usual.locale(language)),
  timezone: 'Pacific/Chatham',
  code: '012345678901',
  words: 'Schokolade Kastanie',
  ip: '2001:db8:85a3:1234:5678:8a2e:3707:7334',
  replacedBy: ['b*1@gmail.com', '+44*******01'],
}

export const at = new Date('2026-09-21T20:37:12Z')
export const expiresAt = new Date('2026-09-21T20:47:12Z')

/** Links have a handle of 22 characters. */
export const vetoLinkOf = ({ publicUrl }: Pick<SampleValues, 'publicUrl'>) => `${publicUrl}/v/mV3r_kQ9-0aZ1bY2cX4dWg`

export const reportLinkOf = ({ publicUrl }: Pick<SampleValues, 'publicUrl'>) => `${publicUrl}/n/mV3r_kQ9-0aZ1bY2cX4dWg`

type Sample = (presentation: Presentation, values: SampleValues) => Message

const perVariant = <Variant extends string>(
  name: string,
  variants: Record<Variant, true>,
  compose: (variant: Variant) => Sample,
): [string, Sample][] => (Object.keys(variants) as Variant[]).map((variant) => [`${name} ${variant}`, compose(variant)])

/** Every message in every variant. A variant that is missing here is an error of types. */
export const samples: ReadonlyMap<string, Sample> = new Map([
  ...perVariant<Purpose | Process>(
    'code',
    { restore: true, change: true, login: true, changeFactors: true },
    (purpose) => (presentation, values) => {
      const { code, verificationCode } = values
      return codeMessage(presentation, { purpose, code, verificationCode, expiresAt, now: at })
    },
  ),
  ...perVariant<Operation>(
    'password-changed',
    { change: true, restore: true, reset: true, set: true },
    (operation) => (presentation, values) => {
      const about = { operation, ip: values.ip, changedAt: at, unverified: false }
      return passwordChangedMessage(presentation, { ...about, reportLink: reportLinkOf(values) })
    },
  ),
  ...perVariant<SetBy>('temporary-password', { client: true, back_office: true }, (setBy) => (presentation, values) => {
    const { password } = values
    return temporaryPasswordMessage(presentation, { setBy, password, expiresAt, reportLink: reportLinkOf(values) })
  }),
  ...perVariant('reset-requested', { verified: true, unverified: true }, (kind) => (presentation, values) => {
    const about = { requestedAt: at, unverified: kind === 'unverified' }
    return resetRequestedMessage(presentation, { ...about, reportLink: reportLinkOf(values) })
  }),
  ...perVariant('unverified', { set: true, lift_block: true, end_hold: true, reset: true }, (operation) => {
    const about = { changedAt: at, unverified: true }
    return (presentation, values) => {
      const reportLink = reportLinkOf(values)
      if (operation === 'set') {
        return passwordChangedMessage(presentation, { ...about, operation, ip: values.ip, reportLink })
      }
      if (operation === 'reset') {
        return factorsChangedMessage(presentation, { ...about, operation, ip: undefined, reportLink })
      }
      return protectionChangedMessage(presentation, { ...about, operation, reportLink })
    }
  }),
  ...perVariant('verification', { once: true }, () => (presentation, { words, helpDeskCode: code }) => {
    return verificationMessage(presentation, { words, code, expiresAt, now: at })
  }),
  ...perVariant('restore-blocked', { for_now: true, until_lifted: true }, (kind) => (presentation) => {
    return restoreBlockedMessage(presentation, { from: at, until: kind === 'for_now' ? expiresAt : undefined })
  }),
  ...perVariant<ProtectionOperation>(
    'protection-changed',
    { block: true, lift_block: true, end_hold: true, end_sessions: true },
    (operation) => (presentation, values) => {
      const reportLink = operation === 'block' ? undefined : reportLinkOf(values)
      return protectionChangedMessage(presentation, { operation, changedAt: at, unverified: false, reportLink })
    },
  ),
  ...perVariant<FactorOperation | 'reset'>(
    'factors-changed',
    {
      totp_added: true,
      totp_removed: true,
      recovery_codes_issued: true,
      recovery_codes_replaced: true,
      recovery_codes_removed: true,
      passkey_added: true,
      passkey_removed: true,
      passkey_cloned: true,
      reset: true,
    },
    (operation) => (presentation, values) => {
      const ip = operation === 'reset' ? undefined : values.ip
      const about = { operation, ip, changedAt: at, unverified: false }
      return factorsChangedMessage(presentation, { ...about, reportLink: reportLinkOf(values) })
    },
  ),
  ...perVariant<WaitingRestoreNotice>(
    'restore-waiting',
    { opened: true, half: true, last: true, ended_early: true, vetoed: true },
    (notice) => (presentation, values) => {
      const vetoLink = notice === 'vetoed' ? undefined : vetoLinkOf(values)
      return restoreWaitingMessage(presentation, { notice, ip: values.ip, openedAt: at, endsAt: expiresAt, vetoLink })
    },
  ),
  ...perVariant('asked-while-blocked', { once: true }, () => (presentation) => {
    return askedWhileBlockedMessage(presentation, { askedAt: at })
  }),
  ...(['email', 'sms'] as const).flatMap((channel: Recipient['channel']) =>
    perVariant(`address-removed ${channel}`, { replaced: true, removed: true }, (kind) => (presentation, values) => {
      const replacedBy = kind === 'replaced' ? values.replacedBy : []
      const reportLink = reportLinkOf(values)
      return addressRemovedMessage(presentation, { channel, replacedBy, removedAt: at, reportLink })
    }),
  ),
])

/** The presentation for a customer with these values. */
export const presentationOf = (values: SampleValues, language: PageLanguage, theme: Theme = noTheme): Presentation => {
  const { brand, contact, publicUrl, locale, timezone } = values
  const present = createPresentations(
    { REKEY_BRAND: brand, REKEY_CONTACT: contact, REKEY_PUBLIC_URL: publicUrl },
    theme,
  )
  return present({ locale: locale(language), timezone }, language)
}
