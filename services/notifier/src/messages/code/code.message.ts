import type { Process, Purpose } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'

interface Content {
  purpose: Purpose | Process
  code: string
  verificationCode: string
  expiresAt: Date
  now: Date
}

/**
 * Composes a code. It has no network address: the reader may not have requested it, and a stranger could choose the
 * address. The SMS ends in the origin-bound line, by which browsers fill in the code on its site alone (WICG,
 * Origin-bound one-time codes).
 */
export const codeMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand, contact, host } = presentation
  const { purpose, code, verificationCode, expiresAt, now } = content
  const minutes = Math.round((expiresAt.getTime() - now.getTime()) / 60_000)
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`code.${purpose}.subject`),
        title: t(`code.${purpose}.title`),
        blocks: [
          t(`code.${purpose}.what`),
          { label: t('code.confirmation'), value: code, prominent: true },
          { label: t('code.verification'), value: verificationCode },
          t('code.life', { minutes, until: presentation.time(expiresAt) }),
          t('code.match'),
          t('code.secret', { brand }),
          t(`code.${purpose}.otherwise`, { contact }),
        ],
      })
    },
    get sms() {
      return composeSms([
        t(`code.${purpose}.sms`, { brand }),
        `${t('code.sms_confirmation')}: ${code}`,
        `${t('code.sms_verification')}: ${verificationCode}`,
        t('code.sms_secret'),
        ifFree(t('code.sms_until', { until: presentation.shortTime(expiresAt) })),
        ifFree(t('common.sms_not_you', { contact })),
        `@${host} #${code}`,
      ])
    },
  }
}
