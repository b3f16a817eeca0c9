import { NotifyRestoreBlocked } from '@rekey/contracts'
import { type ConsumerDeps, consume } from '@rekey/platform/consumer'
import type { Delivery } from '../delivery/delivery.ts'
import type { Opener } from '../delivery/opener.ts'
import { restoreBlockedMessage } from './restore-blocked.template.ts'

interface Deps {
  messaging: ConsumerDeps
  opener: Opener
  delivery: Delivery
  brand: string
}

/** Tells a customer's confirmed addresses, each by an event of its own, that wrong codes block restore. */
export const consumeRestoreBlocks = ({ messaging, opener, delivery, brand }: Deps) =>
  consume(messaging, {
    event: NotifyRestoreBlocked,
    concurrency: 64,
    async handle({ blockedFrom, blockedUntil, ...data }, { eventId }) {
      const recipient = await opener.recipient(eventId, data.recipient)
      const from = new Date(blockedFrom)
      const until = blockedUntil === undefined ? undefined : new Date(blockedUntil)
      const message = restoreBlockedMessage({ from, until, recipient, brand })
      await delivery.send({ id: eventId, type: NotifyRestoreBlocked.type }, recipient, message)
    },
  })
