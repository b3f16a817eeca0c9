import { NotifyCode } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { type ConsumerDeps, consume, PermanentError } from '@rekey/platform/consumer'
import type { Delivery } from '../delivery/delivery.ts'
import type { Opener } from '../delivery/opener.ts'
import { codeMessage } from './code.template.ts'

interface Deps {
  messaging: ConsumerDeps
  opener: Opener
  delivery: Delivery
  brand: string
  now: Now
}

/** More than the connections to the mail host: mails and SMS do not wait for each other's slowest. */
const concurrency = 64

/** Sends confirmation codes. A code is tried for as long as it lives. */
export const consumeCodes = ({ messaging, opener, delivery, brand, now }: Deps) =>
  consume(messaging, {
    event: NotifyCode,
    concurrency,
    async handle({ challengeId, purpose, verificationCode, ...data }, { eventId }) {
      const expiresAt = new Date(data.expiresAt)
      if (now() >= expiresAt) throw new PermanentError('the code expired before it could be sent')
      const recipient = await opener.recipient(challengeId, data.recipient)
      const code = await opener.code(challengeId, data.code)
      const message = codeMessage({ purpose, code, verificationCode, expiresAt, now: now(), recipient, brand })
      await delivery.send({ id: eventId, type: NotifyCode.type }, recipient, message)
    },
  })
