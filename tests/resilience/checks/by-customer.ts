import type { ClientLog, Grant } from '../client-log.ts'
import type { FinalState } from '../final-state.ts'

const firstUse = ({ tries }: Grant) => Math.min(...tries.map(({ startedAt }) => startedAt.getTime()))

/**
 * By customer: the spent grants in the order of their first use, and the history. Both have the same order: a customer
 * uses grants one after the other, and a new password invalidates earlier ones.
 */
export const byCustomer = ({ customers, grants }: ClientLog, { history, spentTokens }: FinalState) => {
  const ofCustomer = Map.groupBy(grants, ({ customer }) => customer)
  const rows = Map.groupBy(history, ({ customerId }) => customerId)
  return customers.map((customer) => ({
    customer,
    spent: (ofCustomer.get(customer) ?? [])
      .filter(({ jti }) => spentTokens.has(jti))
      .toSorted((one, other) => firstUse(one) - firstUse(other)),
    rows: rows.get(customer.id) ?? [],
  }))
}
