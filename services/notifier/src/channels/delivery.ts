import type { Recipient } from '@rekey/contracts'
import { PermanentError } from '@rekey/platform/consumer'
import type { Logger } from '@rekey/platform/logger'
import type { Sms } from './sms.ts'
import type { Mail, Smtp } from './smtp.ts'

/** One message in the form of each channel. */
export interface Message {
  mail: Mail
  sms: string
}

interface Deps {
  smtp: Smtp
  /** Undefined if no vendor is configured. */
  sms: Sms | undefined
  log: Logger
}

export interface Delivery {
  /**
   * Sends by the recipient's channel. Within this process, an event is sent once.
   *
   * @throws PermanentError if the message can never be sent; Error if it may be retried
   */
  send(event: { id: string; type: string }, recipient: Recipient, message: Message): Promise<void>
}

/** Number of events whose ids are kept. */
const capacity = 10_000

export const createDelivery = ({ smtp, sms, log }: Deps): Delivery => {
  // If an acknowledgement is lost, the broker redelivers an event that was sent or is being sent.
  const sent = new Map<string, Promise<void>>()

  const dispatch = (id: string, { channel, to }: Recipient, message: Message): Promise<void> => {
    if (channel === 'email') return smtp.send(id, to, message.mail)
    if (!sms) throw new PermanentError('no SMS vendor is configured')
    return sms.send(id, to, message.sms)
  }

  return {
    async send({ id, type }, recipient, message) {
      if (!id) throw new PermanentError('the event has no id')
      const earlier = sent.get(id)
      if (earlier) return earlier
      const sending = dispatch(id, recipient, message)
      sent.set(id, sending)
      for (const oldest of sent.keys()) {
        if (sent.size <= capacity) break
        sent.delete(oldest)
      }
      try {
        await sending
      } catch (failure) {
        sent.delete(id)
        throw failure
      }
      log.info({ event: type, eventId: id, channel: recipient.channel }, 'message sent')
    },
  }
}
