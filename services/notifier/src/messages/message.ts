import type { EventData, EventDefinition, Recipient } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { Delivery, Message } from '../channels/delivery.ts'
import type { Handovers } from './handovers.ts'
import type { Attempt, Outcomes } from './outcomes.ts'
import type { Presentations } from './presentation.ts'
import type { SealedFields } from './sealed-fields.ts'

/** What a message needs to consume its event and to be sent. */
export interface MessageDeps {
  consuming: ConsumerDeps
  sealedFields: SealedFields
  delivery: Delivery
  outcomes: Outcomes
  handovers: Handovers
  /** Events of one type at a time. More than the delivery has connections, so that mail and SMS do not wait for each other. */
  concurrency: number
  /** Texts and look for a recipient. */
  present: Presentations
  now: Now
}

/** Sends one message for each event, and publishes what became of it. */
export const sendOn = <E extends EventDefinition>(
  { consuming, delivery, outcomes, handovers, concurrency }: MessageDeps,
  event: E,
  /** @throws PermanentError if the message can never be sent */
  compose: (
    data: EventData<E>,
    eventId: string,
  ) => Promise<{ recipient: Recipient; message: Message; expiresAt?: Date }>,
): Consumer =>
  consume(consuming, {
    event,
    concurrency,
    async handle(data, { eventId, ...more }) {
      let channel: Attempt['channel']
      const send = async () => {
        const { recipient, message, expiresAt } = await compose(data, eventId)
        channel = recipient.channel
        return delivery.send({ id: eventId, type: event.type, expiresAt }, recipient, message)
      }
      const attempted = await send().then(
        (handedOver) => ({ channel, handedOver }),
        (failure: unknown) => ({ channel, failure }),
      )
      handovers.count({ type: event.type, data: data as object, ...more }, attempted)
      await outcomes.publish(data, { eventId, ...more }, attempted)
      if ('failure' in attempted) throw attempted.failure
    },
  })
