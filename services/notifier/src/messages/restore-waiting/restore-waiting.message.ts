import type { WaitingRestoreNotice } from '@rekey/contracts'
import { fullMinute } from '@rekey/platform/clock'
import type { Message } from '../../channels/delivery.ts'
import { type Block, composeMail } from '../compose-mail.ts'
import { composeSms, withinTwo } from '../compose-sms.ts'
import type { Presentation } from '../presentation.ts'

interface Content {
  notice: WaitingRestoreNotice
  /** Client address that opened it, as the service saw it. */
  ip: string
  openedAt: Date
  /** From then on the password can be set. */
  endsAt: Date
  /** Undefined after a veto. */
  vetoLink: string | undefined
}

const vetoBlocks = ({ t, contact }: Presentation, vetoLink: string): Block[] => [
  t('restore_waiting.if_not_you'),
  { label: t('restore_waiting.button'), url: vetoLink },
  t('restore_waiting.effect'),
  t('restore_waiting.sign_in'),
  t('restore_waiting.call', { contact }),
]

/** Composes the notification of a waiting restore (S58). The reader may not have opened it. */
export const restoreWaitingMessage = (presentation: Presentation, content: Content): Message => {
  const { t, brand, contact } = presentation
  const { notice, ip, openedAt, vetoLink } = content
  const endsAt = fullMinute(content.endsAt)
  return {
    get mail() {
      return composeMail(presentation, {
        subject: t(`restore_waiting.${notice}.subject`),
        title: t(`restore_waiting.${notice}.title`),
        blocks: [
          t(`restore_waiting.${notice}.what`),
          { label: t('common.when'), value: presentation.dateTime(openedAt) },
          { label: t('common.address'), value: ip },
          ...(vetoLink === undefined
            ? [t('restore_waiting.vetoed.next', { contact })]
            : [
                { label: t('restore_waiting.from'), value: presentation.dateTime(endsAt) },
                ...vetoBlocks(presentation, vetoLink),
                t(notice === 'ended_early' ? 'restore_waiting.if_you_now' : 'restore_waiting.if_you'),
              ]),
        ],
      })
    },
    get sms() {
      return composeSms([
        t(`restore_waiting.${notice}.sms`, { brand, until: presentation.shortDateTime(endsAt) }),
        ...(vetoLink === undefined ? [] : [t('restore_waiting.sms_stop', { link: vetoLink })]),
        withinTwo(t('common.sms_call', { contact })),
      ])
    },
  }
}
