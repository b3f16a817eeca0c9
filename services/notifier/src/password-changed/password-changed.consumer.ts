import { NotifyPasswordChanged } from '@rekey/contracts'
import { type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { Delivery } from '../delivery/delivery.ts'
import type { Opener } from '../delivery/opener.ts'
import { passwordChangedMessage } from './password-changed.template.ts'

interface Deps {
  messaging: ConsumerDeps
  opener: Opener
  delivery: Delivery
  brand: string
}

/** Tells a customer's confirmed addresses of a new password, each by an event of its own. */
export const consumePasswordChanges = ({ messaging, opener, delivery, brand }: Deps) =>
  consume(messaging, {
    event: NotifyPasswordChanged,
    concurrency: 64,
    async handle({ operation, ip, ...data }, { eventId }) {
      const recipient = await opener.recipient(eventId, data.recipient)
      const reportLink = await opener.reportLink(eventId, data.reportLink)
      const changedAt = new Date(data.changedAt)
      const message = passwordChangedMessage({ operation, ip, changedAt, reportLink, recipient, brand })
      await delivery.send({ id: eventId, type: NotifyPasswordChanged.type }, recipient, message)
    },
  })
