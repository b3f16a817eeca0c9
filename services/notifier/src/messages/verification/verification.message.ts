import type { VerificationSecret } from '@rekey/contracts'
import type { Message } from '../../channels/delivery.ts'
import { composeMail } from '../compose-mail.ts'
import { composeSms, ifFree, withinTwo } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'

interface Content extends VerificationSecret {
  expiresAt: Date
  now: Date
}

/**
 * Composes the two words and the code by which the help desk and a customer verify each other. The words stand first: they
 * decide whether the code is read out. No origin-bound line: the code is for no site.
 */
export const verificationMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand, contact } = presentation
  const { words, code, expiresAt, now } = content
  const minutes = Math.round((expiresAt.getTime() - now.getTime()) / 60_000)
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t('verification.subject'),
        title: t('verification.title'),
        blocks: [
          t('verification.what', { brand }),
          { label: t('verification.words'), value: words, prominent: true },
          t('verification.only_then'),
          { label: t('verification.code'), value: code, prominent: true },
          t('code.life', { minutes, until: presentation.time(expiresAt) }),
          t('verification.otherwise', { contact }),
        ],
        neverAsks: t('verification.never_asks', { brand }),
      })
    },
    get sms() {
      return composeSms([
        t('verification.sms', { brand, words }),
        t('verification.sms_code', { code }),
        ifFree(t('code.sms_until', { until: presentation.shortTime(expiresAt) })),
        withinTwo(t('common.sms_not_you', { contact })),
      ])
    },
  }
}
