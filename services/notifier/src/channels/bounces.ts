import { type BounceReason, bounceReasons, type MessageChannel, messageChannels } from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'

interface Bounce {
  /** Id of the event that asked for the message. */
  eventId: string
  channel: MessageChannel
  reason: BounceReason
  /** handover: the mail server or SMS vendor refused it at once; report: a delivery status notification came back. */
  learnt: 'handover' | 'report'
}

/** Results of a mail to the address of a message. */
const results = ['counted', 'repeated', 'no_failure', 'forged', 'not_a_report', 'too_large', 'not_stored'] as const

/** Counts and logs messages whose address cannot receive, and counts the mail that came back. */
export const createBounces = ({ metrics, log }: { metrics: Metrics; log: Logger }) => {
  const bounces = counter(metrics, {
    name: 'rekey_message_bounces_total',
    help: 'Messages whose address cannot receive, by why: refused at the hand-over, or reported later to the bounce address',
    labels: { channel: messageChannels, reason: bounceReasons },
  })
  const reports = counter(metrics, {
    name: 'rekey_bounce_reports_total',
    help:
      'Mails to bounce addresses, by what became of them: counted as a bounce; repeated; no_failure: of a delay or a ' +
      'delivery; forged: to no address of a message; not_a_report: other mail; too_large; not_stored: the broker was away',
    labels: { result: results },
  })
  return {
    countReport(result: (typeof results)[number]): void {
      reports.inc({ result })
    },
    count({ eventId, channel, reason, learnt }: Bounce): void {
      bounces.inc({ channel, reason })
      log.event('message_bounced', { eventId, channel, reason, learnt })
    },
  }
}

export type Bounces = ReturnType<typeof createBounces>
