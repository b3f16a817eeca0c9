import { formatTime, type Message, noSuchResource } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { loggedFrom, type MessageStore, type StoredMessage } from './messages.store.ts'

interface Deps {
  store: MessageStore
  now: Now
}

/** A message whose time is over counts as expired, also while the notifier is down and reports nothing. */
const statusAt = ({ status, expiresAt }: StoredMessage, now: Date): Message['status'] =>
  (status === 'waiting' || status === 'deferred') && expiresAt !== null && expiresAt <= now ? 'expired' : status

const toMessage = (message: StoredMessage, now: Date): Message => {
  const { id, kind, purpose, channel, maskedTo, askedAt, statusAt: since, reason, attempts } = message
  const status = statusAt(message, now)
  return {
    id: Number(id),
    kind,
    purpose,
    channel,
    to: maskedTo,
    askedAt: formatTime(askedAt),
    ...(status === 'handed_over' && { handedOverAt: formatTime(since) }),
    status,
    ...(reason !== '' && { reason }),
    attempts,
  }
}

/** B13: what was sent to a customer, and what became of it. */
export const createMessageReader = ({ store, now }: Deps) => ({
  /** The messages of the last 30 days, newest first. @throws RekeyError not_found, unavailable */
  async list(customerId: number, page: { limit: number; offset: number }): Promise<{ total: number; data: Message[] }> {
    const at = now()
    const found = await store.list(customerId, loggedFrom(at), page)
    if (!found) throw noSuchResource('clientId')
    return { total: found.total, data: found.messages.map((message) => toMessage(message, at)) }
  },
})

export type MessageReader = ReturnType<typeof createMessageReader>
