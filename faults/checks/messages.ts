import type { ReceivedMessage } from '@rekey/testing/inbox'
import type { Held } from '../held.ts'
import { byCustomer } from './by-customer.ts'
import type { Check } from './finding.ts'

/** The event that a message was sent for: its Message-ID says so. */
const eventOf = ({ MessageID }: ReceivedMessage) => MessageID.split('@')[0] ?? ''

/** Each customer has an e-mail address and a telephone. */
const addressesEach = 2

export const oneNoticeEach: Check = (seen, held) => {
  const notices = held.outbox.filter(({ type }) => type === 'notify.password-changed')
  const messages = Map.groupBy(held.messages, eventOf)
  const ofCustomers = Map.groupBy(notices, ({ subject }) => subject)
  const codes = new Set(seen.promisedCodes.map(({ challengeId }) => challengeId))
  const isOfCode = (id: string) => codes.has(id.split('.')[0] ?? '')
  const known = new Set(notices.map(({ eventId }) => eventId))
  const strange = [...messages.keys()].filter((id) => !known.has(id) && !isOfCode(id) && !/\.\d$/.test(id))
  return {
    proven: notices.length,
    faults: [
      ...notices.filter(({ eventId }) => !messages.has(eventId)).map(({ eventId }) => `notice ${eventId} was not sent`),
      ...notices
        .filter(({ eventId }) => new Set(messages.get(eventId)?.map(({ To }) => To[0]?.Address)).size > 1)
        .map(({ eventId }) => `notice ${eventId} went to two addresses`),
      ...byCustomer(seen, held).flatMap(({ customer, rows }) => {
        const count = ofCustomers.get(customer.code)?.length ?? 0
        return count === rows.length * addressesEach
          ? []
          : [`${customer.code}: ${rows.length} records, ${count} notices`]
      }),
      ...strange.map((id) => `a message came of ${id}, which is no event`),
    ],
  }
}

export const codesArrive: Check = ({ promisedCodes }, { messages }) => {
  const ofChallenges = Map.groupBy(messages, (message) => eventOf(message).split('.')[0])
  return {
    proven: promisedCodes.length,
    faults: promisedCodes.flatMap(({ to, challengeId, verification, expiresAt }) => {
      const message = ofChallenges
        .get(challengeId)
        ?.find(({ Text, To }) => Text.includes(`Verification code: ${verification}`) && To[0]?.Address === to)
      if (!message) return [`no message came for ${challengeId}`]
      return new Date(message.Created) < expiresAt ? [] : [`the message for ${challengeId} came too late`]
    }),
  }
}

/** Messages that came again, by the same Message-ID. */
export const countRepeats = ({ messages }: Held): number => messages.length - new Set(messages.map(eventOf)).size
