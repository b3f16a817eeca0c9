import { type EventData, type MessageChannel, MessageOutcome, unavailable } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { type Delivery as EventDelivery, PermanentError } from '@rekey/platform/consumer'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import { isRejection, type Publisher } from '@rekey/platform/publisher'
import type { HandedOver } from '../channels/delivery.ts'
import { DeferredError, RefusedError } from '../channels/failures.ts'

interface Deps {
  publisher: Publisher
  metrics: Metrics
  now: Now
  log: Logger
}

/** The event of a message, as far as its outcome needs it. */
interface Asked {
  customerId?: number
  expiresAt?: string
}

/** An attempt to hand a message over: it succeeded, or it failed. */
export type Attempt = { channel: MessageChannel | undefined } & ({ handedOver: HandedOver } | { failure: unknown })

type Outcome = Pick<EventData<typeof MessageOutcome>, 'status' | 'attempts' | 'answer'> & { at: Date }

/** Attempts that each have an outcome: those of the first minute. Later ones are every 30 s, and every tenth has one. */
const eachUpTo = 7

const isPublished = ({ status, attempts }: Outcome) =>
  status !== 'deferred' || attempts <= eachUpTo || attempts % 10 === 0

/** Publishes what became of each message, for the log of messages (B13). */
export const createOutcomes = ({ publisher, metrics, now, log }: Deps) => {
  const dropped = counter(metrics, {
    name: 'rekey_message_outcomes_dropped_total',
    help: 'Outcomes of messages that the broker rejected; the log of messages lacks them',
  })

  const outcomeOf = (
    attempted: Attempt,
    { expiresAt }: Asked,
    { attempt, isLastAttempt }: Pick<EventDelivery, 'attempt' | 'isLastAttempt'>,
  ): Outcome => {
    if ('handedOver' in attempted) return { status: 'handed_over', attempts: attempt, ...attempted.handedOver }
    const { failure } = attempted
    const at = now()
    if (failure instanceof RefusedError) return { status: 'refused', at, attempts: attempt, answer: failure.answer }
    // Nothing was sent: the message cannot be sent by this notifier, or its time is over.
    if (failure instanceof PermanentError) {
      const isExpired = expiresAt !== undefined && at >= new Date(expiresAt)
      return { status: isExpired ? 'expired' : 'refused', at, attempts: attempt - 1, answer: failure.message }
    }
    const answer = failure instanceof DeferredError ? failure.answer : ''
    return { status: isLastAttempt ? 'expired' : 'deferred', at, attempts: attempt, answer }
  }

  const publish = async (event: Parameters<typeof publisher.publish<typeof MessageOutcome>>[1]) => {
    try {
      await publisher.publish(MessageOutcome, event)
    } catch (error) {
      if (!isRejection(error)) throw error
      // A message must not be sent twice, or wait, because its outcome cannot be stored.
      dropped.inc()
      log.error({ event: 'message_outcome_dropped', err: (error as Error).cause }, 'outcome of a message rejected')
    }
  }

  return {
    /**
     * Publishes the outcome of an attempt, before its event is acknowledged: if this process ends in between, the event is
     * delivered again, and has another outcome. Events of earlier versions name no customer and have none.
     *
     * @throws RekeyError unavailable: the event is to be delivered again, although the message may have been handed over
     */
    async publish(asked: Asked, { eventId, ...delivery }: EventDelivery, attempted: Attempt): Promise<void> {
      const { customerId } = asked
      const outcome = outcomeOf(attempted, asked, delivery)
      if (customerId === undefined || !isPublished(outcome)) return
      const { status, at, attempts, answer } = outcome
      const { channel } = attempted
      const data = {
        messageId: eventId,
        customerId,
        ...(channel && { channel }),
        status,
        at: at.toISOString(),
        attempts,
        ...(answer && { answer }),
      }
      try {
        await publish({ id: `${eventId}.${delivery.attempt}`, subject: eventId, data })
      } catch (error) {
        // The next attempt has an outcome too.
        if (status !== 'deferred') throw unavailable(error)
      }
    },
  }
}

export type Outcomes = ReturnType<typeof createOutcomes>
