import { type EventData, type MessageChannel, MessageOutcome } from '@rekey/contracts'
import type { BackgroundPublisher } from '@rekey/platform/background-publisher'
import type { Now } from '@rekey/platform/clock'
import { type Delivery as EventDelivery, PermanentError } from '@rekey/platform/consumer'
import type { Publisher } from '@rekey/platform/publisher'
import type { HandedOver } from '../channels/delivery.ts'
import { DeferredError, RefusedError } from '../channels/failures.ts'

interface Deps {
  publisher: Publisher
  /** Goes on with an outcome that could not be published at once. */
  backgroundPublisher: BackgroundPublisher
  now: Now
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
export const createOutcomes = ({ publisher, backgroundPublisher, now }: Deps) => {
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

  return {
    /**
     * Publishes the outcome of an attempt, before its event is acknowledged: if this process ends in between, the event is
     * delivered again, and has another outcome. An outcome that cannot be published now is retried in the background: no
     * message waits for it or is sent twice because of it. Events of earlier versions name no customer and have none.
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
      const event = { id: `${eventId}.${delivery.attempt}`, subject: eventId, data }
      await publisher
        .publish(MessageOutcome, event)
        .catch(() => void backgroundPublisher.publish(MessageOutcome, event))
    },
  }
}

export type Outcomes = ReturnType<typeof createOutcomes>
