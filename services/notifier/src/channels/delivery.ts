import { messageChannels, parseUsername, type Recipient, streams } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { PermanentError } from '@rekey/platform/consumer'
import type { Logger } from '@rekey/platform/logger'
import { counter, type Metrics } from '@rekey/platform/metrics'
import type { Bounces } from './bounces.ts'
import { DeferredError, failureKinds, RefusedError } from './failures.ts'
import type { Mail } from './mime.ts'
import type { Sms } from './sms.ts'
import type { Smtp } from './smtp.ts'

/** One message in the form of each channel. Each form is composed when it is read: a message goes out by one channel. */
export interface Message {
  readonly mail: Mail
  readonly sms: string
}

/** The purpose of a message. */
export interface Occasion {
  /** Id and type of the event. */
  id: string
  type: string
  /** The message has no use from then on. */
  expiresAt?: Date | undefined
}

interface Deps {
  smtp: Smtp
  /** Undefined if no vendor is configured. */
  sms: Sms | undefined
  bounces: Bounces
  metrics: Metrics
  now: Now
  log: Logger
}

/** A message that the mail server or SMS vendor accepted. */
export interface HandedOver {
  at: Date
  /** Its answer, without personal details. */
  answer: string
}

export interface Delivery {
  /**
   * Sends by the recipient's channel. Within this process, an event is sent once: for a repeat it returns the same.
   *
   * @throws PermanentError if the message can never be sent; Error if it may be retried
   */
  send(occasion: Occasion, recipient: Recipient, message: Message): Promise<HandedOver>
  /** Gives back messages that wait for a connection; those under way have 5 s. */
  stop(): void
  close(): void
}

/** The events of messages. */
const messageTypes: string[] = streams.NOTIFY.events.map(({ type }) => type)

/** Number of events whose ids are kept. */
const capacity = 10_000

const channelOf = { email: 'email', phone: 'sms' } as const

export const createDelivery = ({ smtp, sms, bounces, metrics, now, log }: Deps): Delivery => {
  // If an acknowledgement is lost, the broker redelivers an event that was sent or is being sent.
  const sent = new Map<string, Promise<HandedOver>>()
  const messages = counter(metrics, {
    name: 'rekey_messages_total',
    help: 'Attempts to send a message: sent; failed, which is retried; refused for good, a dead letter',
    labels: { event: messageTypes, channel: messageChannels, result: ['sent', 'failed', 'refused'] },
  })

  const providerErrors = counter(metrics, {
    name: 'rekey_provider_errors_total',
    help: 'Attempts that the mail server or SMS vendor failed, by why: refused is its answer, for one message or for all',
    labels: { channel: messageChannels, kind: failureKinds },
  })

  const dispatch = async (
    { id, expiresAt }: Occasion,
    { channel, to }: Recipient,
    message: Message,
  ): Promise<string> => {
    if (channelOf[parseUsername(to).kind] !== channel) throw new PermanentError('the address is not of the channel')
    // Called when the turn of the message has come: it may have waited for a connection.
    const assertInTime = () => {
      if (expiresAt && now() >= expiresAt) throw new PermanentError('the message expired while it waited to be sent')
    }
    if (channel === 'email') return smtp.send(id, to, message.mail, assertInTime)
    if (!sms) throw new PermanentError('no SMS vendor is configured')
    return sms.send(id, to, message.sms, assertInTime)
  }

  const attempt = async (occasion: Occasion, recipient: Recipient, message: Message): Promise<HandedOver> => {
    const count = (result: 'sent' | 'failed' | 'refused') =>
      messages.inc({ event: occasion.type, channel: recipient.channel, result })
    try {
      const answer = await dispatch(occasion, recipient, message)
      count('sent')
      return { at: now(), answer }
    } catch (failure) {
      count(failure instanceof PermanentError ? 'refused' : 'failed')
      if (failure instanceof RefusedError || failure instanceof DeferredError)
        providerErrors.inc({ channel: recipient.channel, kind: failure.kind })
      if (failure instanceof RefusedError && failure.bounce) {
        const { channel } = recipient
        bounces.count({ eventId: occasion.id, channel, reason: failure.bounce, learnt: 'handover' })
      }
      throw failure
    }
  }

  return {
    async send(occasion, recipient, message) {
      const { id, type } = occasion
      if (!id) throw new PermanentError('the event has no id')
      const earlier = sent.get(id)
      if (earlier) return earlier
      const sending = attempt(occasion, recipient, message)
      sent.set(id, sending)
      for (const oldest of sent.keys()) {
        if (sent.size <= capacity) break
        sent.delete(oldest)
      }
      try {
        const handedOver = await sending
        log.event('message_sent', { type, eventId: id, channel: recipient.channel })
        return handedOver
      } catch (failure) {
        sent.delete(id)
        throw failure
      }
    },
    stop() {
      smtp.stop()
      sms?.stop()
    },
    close: () => smtp.close(),
  }
}
