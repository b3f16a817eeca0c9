import { isDeepStrictEqual } from 'node:util'
import type { OutboxRow } from '../final-state.ts'
import type { WaitingRow } from '../second-factor-state.ts'
import type { Check } from './finding.ts'
import { addressesByEvent, isNotice } from './messages.ts'

/** The notices that a restore must have led to. A block and a new password have notifications of their own. */
const expectedNotices = ({ noticesSent, vetoedBy }: WaitingRow): string[] => [
  'opened',
  ...(noticesSent > 1 ? ['half'] : []),
  ...(noticesSent > 2 ? ['last'] : []),
  ...(vetoedBy === 'link' || vetoedBy === 'sign_in' ? ['vetoed'] : []),
]

/** A message whose answer was lost may come again with the same Message-ID, and counts once. */
export const noticesAreSentOnce: Check = ({ customers }, { outbox, messages, waitingRestores }) => {
  const notices = outbox.filter(isNotice)
  const addressesOf = addressesByEvent(messages)
  const rows = Map.groupBy(waitingRestores, ({ customerId }) => customerId)
  const byCustomer = Map.groupBy(notices, ({ subject }) => subject)
  const sentOf = (own: OutboxRow[]) =>
    own
      .flatMap(({ eventId, notice }) => {
        const addresses = addressesOf(eventId)
        return addresses.length > 0 ? addresses.map((address) => `${notice} to ${address}`) : [`${notice} to nobody`]
      })
      .toSorted()
  return {
    checked: notices.length,
    violations: customers.flatMap(({ id, code, email, phone }) => {
      const expected = (rows.get(id) ?? [])
        .flatMap(expectedNotices)
        .flatMap((notice) => [`${notice} to ${email}`, `${notice} to ${phone}`])
        .toSorted()
      const sent = sentOf(byCustomer.get(code) ?? [])
      if (isDeepStrictEqual(sent, expected)) return []
      return [`${code} was sent ${sent.join(', ') || 'nothing'}; expected: ${expected.join(', ') || 'nothing'}`]
    }),
  }
}
