import { messageChannels, restoreStepDelayMetric, restoreStepsMetric, stepChannels, streams } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { PermanentError } from '@rekey/platform/consumer'
import { buckets, counter, histogram, type Metrics } from '@rekey/platform/metrics'
import type { HandedOver } from '../channels/delivery.ts'
import type { Attempt } from './outcomes.ts'

/** What a message's event says of it. */
interface Asked {
  type: string
  data: { askedAt?: string; purpose?: string; expiresAt?: string }
  /** The event's own time. */
  time: Date
  isLastAttempt: boolean
}

/** Measures messages from their request to their hand-over, and counts the sent codes of restores. */
export const createHandovers = ({ metrics, now }: { metrics: Metrics; now: Now }) => {
  const delays = histogram(metrics, {
    name: 'rekey_message_handover_seconds',
    help:
      'Time from the request of a message to its hand-over to the mail server or SMS vendor: for a code from its request ' +
      'at the gateway, for a notification from the commit of the change',
    labels: { event: streams.NOTIFY.events.map(({ type }) => type as string), channel: messageChannels },
    buckets: buckets.message,
  })
  const steps = counter(metrics, {
    ...restoreStepsMetric,
    labels: { step: ['code_sent'], channel: stepChannels, outcome: ['ok', 'refused', 'expired'] },
  })
  const stepDelays = histogram(metrics, {
    ...restoreStepDelayMetric,
    labels: { step: ['code_sent'] },
    buckets: buckets.message,
  })
  /** A redelivered event has the hand-over of its first delivery, which counts once. */
  const counted = new WeakSet<HandedOver>()

  const measure = (
    { type, data: { askedAt, purpose }, time }: Asked,
    channel: 'email' | 'sms',
    handedOver: HandedOver,
  ) => {
    if (counted.has(handedOver)) return
    counted.add(handedOver)
    const since = askedAt === undefined ? time : new Date(askedAt)
    const seconds = Math.max(0, handedOver.at.getTime() - since.getTime()) / 1_000
    if (Number.isFinite(seconds)) delays.observe({ event: type, channel }, seconds)
    if (purpose !== 'restore') return
    steps.inc({ step: 'code_sent', channel, outcome: 'ok' })
    if (Number.isFinite(seconds)) stepDelays.observe({ step: 'code_sent' }, seconds)
  }

  return {
    /** Counts an attempt to hand a message over; one that is tried again later counts nothing. */
    count(asked: Asked, attempted: Attempt): void {
      const { channel = 'none' } = attempted
      if ('handedOver' in attempted) {
        if (channel !== 'none') measure(asked, channel, attempted.handedOver)
        return
      }
      const isOver = attempted.failure instanceof PermanentError || asked.isLastAttempt
      if (asked.data.purpose !== 'restore' || !isOver) return
      const { expiresAt } = asked.data
      const isExpired = expiresAt !== undefined && now() >= new Date(expiresAt)
      steps.inc({ step: 'code_sent', channel, outcome: isExpired ? 'expired' : 'refused' })
    },
  }
}

export type Handovers = ReturnType<typeof createHandovers>
