import type { EventData, EventDefinition, Recipient } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { type Consumer, type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { Delivery, Message } from '../channels/delivery.ts'
import type { Attempt, Outcomes } from './outcomes.ts'
import type { SealedFields } from './sealed-fields.ts'

/** What a message needs to consume its event and to be sent. */
export interface MessageDeps {
  consuming: ConsumerDeps
  sealedFields: SealedFields
  delivery: Delivery
  outcomes: Outcomes
  /** Events of one type at a time. More than the delivery has connections, so that mail and SMS do not wait for each other. */
  concurrency: number
  /** Name of the platform in all texts. */
  brand: string
  now: Now
}

/** Sends one message for each event, and publishes what became of it. */
export const sendOn = <E extends EventDefinition>(
  { consuming, delivery, outcomes, concurrency }: MessageDeps,
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
      await outcomes.publish(data, { eventId, ...more }, attempted)
      if ('failure' in attempted) throw attempted.failure
    },
  })
