import { isDeepStrictEqual } from 'node:util'
import type { ReceivedMessage } from '@rekey/test-support/inbox'
import type { Held, OutboxRow } from '../held.ts'
import type { Seen } from '../seen.ts'
import type { StoredEvent } from '../stored-events.ts'
import { byCustomer } from './by-customer.ts'
import { isFact } from './events.ts'
import type { Check } from './finding.ts'

/** A code that is to be sent. */
export const isOfCode = ({ type }: StoredEvent): boolean =>
  type === 'auth.restore.requested' || type === 'auth.challenge.issued'

/** The message that an event asks for: its challenge's, of that number. */
export const messageOf = ({ data }: StoredEvent) => `${data.challengeId}.${data.sendNumber}`

/** The event that a message was sent for: its Message-ID says so. */
const eventOf = ({ MessageID }: ReceivedMessage) => MessageID.split('@')[0] ?? ''

const isNotice = ({ type }: OutboxRow) => type === 'notify.password-changed'

/** The notices of a customer's records: those that were written behind each of them. */
const noticesOf = (outbox: OutboxRow[], customer: string): Map<number | null, OutboxRow[]> => {
  const ofRecords = new Map<number | null, OutboxRow[]>()
  let ofLast: OutboxRow[] = []
  for (const row of outbox.filter(({ subject }) => subject === customer)) {
    if (isFact(row.type)) {
      ofLast = []
      ofRecords.set(row.changeId, ofLast)
    } else if (isNotice(row)) ofLast.push(row)
  }
  return ofRecords
}

export const oneNoticeEach: Check = (seen, held) => {
  const notices = held.outbox.filter(isNotice)
  const messages = Map.groupBy(held.messages, eventOf)
  const addressesOf = (id: string) => [...new Set(messages.get(id)?.flatMap(({ To }) => To.map((to) => to.Address)))]
  const codes = new Set(held.events.AUTH.filter(isOfCode).map(messageOf))
  const known = new Set(notices.map(({ eventId }) => eventId))
  const strange = [...messages.keys()].filter((id) => !known.has(id) && !codes.has(id))
  return {
    proven: notices.length,
    faults: [
      ...notices.filter(({ eventId }) => !messages.has(eventId)).map(({ eventId }) => `notice ${eventId} was not sent`),
      ...byCustomer(seen, held).flatMap(({ customer, rows }) => {
        const ofRecords = noticesOf(held.outbox, customer.code)
        const own = [customer.email, customer.phone].toSorted()
        return rows.flatMap(({ id }) => {
          const sent = (ofRecords.get(id) ?? []).flatMap(({ eventId }) => addressesOf(eventId))
          if (isDeepStrictEqual(sent.toSorted(), own)) return []
          return [`the notices of record ${id} of ${customer.code} went to ${sent.join(' and ') || 'nobody'}`]
        })
      }),
      ...strange.map((id) => `a message came of ${id}, which is no event`),
    ],
  }
}

/** How long a code may be on its way, long faults of what it passes not counted. */
const onTheWayMs = 60_000

/** Milliseconds between two times that no interval covers. */
const uncoveredMs = (from: number, to: number, intervals: Held['codesHeldUp']): number => {
  const sorted = intervals.toSorted((one, other) => one.from.getTime() - other.from.getTime())
  let [ms, at] = [0, from]
  for (const one of sorted) {
    ms += Math.max(0, Math.min(to, one.from.getTime()) - at)
    at = Math.max(at, one.to.getTime())
  }
  return ms + Math.max(0, to - at)
}

export const codesArrive: Check = ({ promisedCodes }, { messages, codesLiveMs, codesHeldUp }) => {
  const ofChallenges = Map.groupBy(messages, (message) => eventOf(message).split('.')[0])
  return {
    proven: promisedCodes.length,
    faults: promisedCodes.flatMap(({ to, challengeId, verification, expiresAt }) => {
      const message = ofChallenges
        .get(challengeId)
        ?.find(({ Text, To }) => Text.includes(`Verification code: ${verification}`) && To[0]?.Address === to)
      if (!message) return [`no message came for ${challengeId}`]
      const [arrivedAt, expiresAtMs] = [new Date(message.Created).getTime(), expiresAt.getTime()]
      const ms = uncoveredMs(expiresAtMs - codesLiveMs, arrivedAt, codesHeldUp)
      return arrivedAt < expiresAtMs && ms <= onTheWayMs ? [] : [`the message for ${challengeId} came too late`]
    }),
  }
}

/** How long the slowest promised code was on its way at most, in ms: from when it was made. */
export const slowestCodeMs = ({ promisedCodes }: Seen, { messages, codesLiveMs }: Held): number => {
  const arrivals = Map.groupBy(messages, (message) => eventOf(message).split('.')[0])
  const took = promisedCodes.flatMap(({ challengeId, verification, expiresAt }) =>
    (arrivals.get(challengeId) ?? [])
      .filter(({ Text }) => Text.includes(`Verification code: ${verification}`))
      .slice(0, 1)
      .map(({ Created }) => new Date(Created).getTime() - (expiresAt.getTime() - codesLiveMs)),
  )
  return Math.max(0, ...took)
}

/** Messages that came again, by the same Message-ID. */
export const countRepeats = ({ messages }: Held): number => messages.length - new Set(messages.map(eventOf)).size
