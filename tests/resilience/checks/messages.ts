import { isDeepStrictEqual } from 'node:util'
import { NotifyRestoreWaiting } from '@rekey/contracts'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import type { ClientLog } from '../client-log.ts'
import type { FinalState, OutboxRow } from '../final-state.ts'
import type { StoredEvent } from '../stored-events.ts'
import { byCustomer } from './by-customer.ts'
import { isPasswordEvent } from './events.ts'
import type { Check } from './finding.ts'

/** True for the events that request a code. */
export const requestsCode = ({ type }: StoredEvent): boolean =>
  type === 'auth.restore.requested' || type === 'auth.challenge.issued'

/** The Message-ID of the code that an event requests. */
export const messageIdOf = ({ data }: StoredEvent) => `${data.challengeId}.${data.sendNumber}`

/** The event that a message was sent for, from its Message-ID. */
export const eventIdOf = ({ MessageID }: ReceivedMessage) => MessageID.split('@')[0] ?? ''

const isNotification = ({ type }: OutboxRow) => type === 'notify.password-changed'

/** True for the notifications of waiting restores. */
export const isNotice = ({ type }: OutboxRow) => type === NotifyRestoreWaiting.type

/** Returns the addresses that the messages of an event reached. A repeated message counts once. */
export const addressesByEvent = (sent: ReceivedMessage[]) => {
  const messages = Map.groupBy(sent, eventIdOf)
  return (eventId: string) => [...new Set(messages.get(eventId)?.flatMap(({ To }) => To.map(({ Address }) => Address)))]
}

/** The notifications of a customer by history record: the outbox rows after the event of each record. */
const notificationsOf = (outbox: OutboxRow[], customer: string): Map<number | null, OutboxRow[]> => {
  const ofRecords = new Map<number | null, OutboxRow[]>()
  let ofLast: OutboxRow[] = []
  for (const row of outbox.filter(({ subject }) => subject === customer)) {
    if (isPasswordEvent(row.type)) {
      ofLast = []
      ofRecords.set(row.changeId, ofLast)
    } else if (isNotification(row)) ofLast.push(row)
  }
  return ofRecords
}

export const oneNotificationEach: Check = (clientLog, state) => {
  const notifications = state.outbox.filter(isNotification)
  const messages = Map.groupBy(state.messages, eventIdOf)
  const addressesOf = addressesByEvent(state.messages)
  const codes = new Set(state.events.AUTH.filter(requestsCode).map(messageIdOf))
  const known = new Set([...notifications, ...state.outbox.filter(isNotice)].map(({ eventId }) => eventId))
  const unrelated = [...messages.keys()].filter((id) => !known.has(id) && !codes.has(id))
  return {
    checked: notifications.length,
    violations: [
      ...notifications
        .filter(({ eventId }) => !messages.has(eventId))
        .map(({ eventId }) => `notification ${eventId} was not sent`),
      ...byCustomer(clientLog, state).flatMap(({ customer, rows }) => {
        const ofRecords = notificationsOf(state.outbox, customer.code)
        const own = [customer.email, customer.phone].toSorted()
        return rows.flatMap(({ id }) => {
          const sent = (ofRecords.get(id) ?? []).flatMap(({ eventId }) => addressesOf(eventId))
          if (isDeepStrictEqual(sent.toSorted(), own)) return []
          return [`the notifications of record ${id} of ${customer.code} went to ${sent.join(' and ') || 'no address'}`]
        })
      }),
      ...unrelated.map((id) => `a message was sent for ${id}, which is not an event`),
    ],
  }
}

/** How long the delivery of a code may take, without the time of long failures. */
const deliveryMs = 60_000

/** The part of a time span that no interval covers, in ms. */
const uncoveredMs = (from: number, to: number, intervals: FinalState['codesDelayed']): number => {
  const sorted = intervals.toSorted((one, other) => one.from.getTime() - other.from.getTime())
  let [ms, at] = [0, from]
  for (const one of sorted) {
    ms += Math.max(0, Math.min(to, one.from.getTime()) - at)
    at = Math.max(at, one.to.getTime())
  }
  return ms + Math.max(0, to - at)
}

export const codesArrive: Check = ({ promisedCodes }, { messages, codesLiveMs, codesDelayed }) => {
  const ofChallenges = Map.groupBy(messages, (message) => eventIdOf(message).split('.')[0])
  return {
    checked: promisedCodes.length,
    violations: promisedCodes.flatMap(({ to, challengeId, verification, expiresAt }) => {
      const message = ofChallenges
        .get(challengeId)
        ?.find(({ Text, To }) => Text.includes(`Verification code: ${verification}`) && To[0]?.Address === to)
      if (!message) return [`no message was sent for ${challengeId}`]
      const [arrivedAt, expiresAtMs] = [new Date(message.Created).getTime(), expiresAt.getTime()]
      const ms = uncoveredMs(expiresAtMs - codesLiveMs, arrivedAt, codesDelayed)
      return arrivedAt < expiresAtMs && ms <= deliveryMs ? [] : [`the message for ${challengeId} came too late`]
    }),
  }
}

/** The longest time from the creation of a promised code to its arrival, in ms. */
export const slowestCodeMs = ({ promisedCodes }: ClientLog, { messages, codesLiveMs }: FinalState): number => {
  const arrivals = Map.groupBy(messages, (message) => eventIdOf(message).split('.')[0])
  const took = promisedCodes.flatMap(({ challengeId, verification, expiresAt }) =>
    (arrivals.get(challengeId) ?? [])
      .filter(({ Text }) => Text.includes(`Verification code: ${verification}`))
      .slice(0, 1)
      .map(({ Created }) => new Date(Created).getTime() - (expiresAt.getTime() - codesLiveMs)),
  )
  return Math.max(0, ...took)
}

/** Number of messages with the Message-ID of an earlier one. */
export const countRepeats = ({ messages }: FinalState): number =>
  messages.length - new Set(messages.map(eventIdOf)).size
