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

/** Counts and logs messages whose address cannot receive. */
export const createBounces = ({ metrics, log }: { metrics: Metrics; log: Logger }) => {
  const bounces = counter(metrics, {
    name: 'rekey_message_bounces_total',
    help: 'Messages whose address cannot receive, by why: refused at the hand-over, or reported later to the bounce address',
    labels: { channel: messageChannels, reason: bounceReasons },
  })
  return {
    count({ eventId, channel, reason, learnt }: Bounce): void {
      bounces.inc({ channel, reason })
      log.event('message_bounced', { eventId, channel, reason, learnt })
    },
  }
}

export type Bounces = ReturnType<typeof createBounces>
