import { NotifyResetRequested } from '@rekey/contracts'
import { type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { Delivery } from '../delivery/delivery.ts'
import type { Opener } from '../delivery/opener.ts'
import { resetRequestedMessage } from './reset-requested.template.ts'

interface Deps {
  messaging: ConsumerDeps
  opener: Opener
  delivery: Delivery
  brand: string
}

/** Tells a customer's confirmed addresses, each by an event of its own, that the staff want a new password. */
export const consumeResetRequests = ({ messaging, opener, delivery, brand }: Deps) =>
  consume(messaging, {
    event: NotifyResetRequested,
    concurrency: 64,
    async handle(data, { eventId }) {
      const recipient = await opener.recipient(eventId, data.recipient)
      const reportLink = await opener.reportLink(eventId, data.reportLink)
      const requestedAt = new Date(data.requestedAt)
      const message = resetRequestedMessage({ requestedAt, reportLink, recipient, brand })
      await delivery.send({ id: eventId, type: NotifyResetRequested.type }, recipient, message)
    },
  })
