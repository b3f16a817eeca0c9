import { NotifyTemporaryPassword } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'
import type { Delivery } from '../delivery/delivery.ts'
import type { Opener } from '../delivery/opener.ts'
import { temporaryPasswordMessage } from './temporary-password.template.ts'

interface Deps {
  messaging: ConsumerDeps
  opener: Opener
  delivery: Delivery
  brand: string
  now: Now
}

/** Sends temporary passwords: those that the back office sets, and those that a restore ends with. */
export const consumeTemporaryPasswords = ({ messaging, opener, delivery, brand, now }: Deps) =>
  consume(messaging, {
    event: NotifyTemporaryPassword,
    concurrency: 64,
    async handle({ setBy, ...data }, { eventId }) {
      const expiresAt = new Date(data.expiresAt)
      if (now() >= expiresAt) throw new PermanentError('the temporary password expired before it could be sent')
      const recipient = await opener.recipient(eventId, data.recipient)
      const password = await opener.password(eventId, data.password)
      const reportLink = await opener.reportLink(eventId, data.reportLink)
      const message = temporaryPasswordMessage({ setBy, password, expiresAt, reportLink, recipient, brand })
      await delivery.send({ id: eventId, type: NotifyTemporaryPassword.type }, recipient, message)
    },
  })
