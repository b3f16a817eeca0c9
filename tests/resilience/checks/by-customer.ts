import type { Held } from '../held.ts'
import type { Grant, Seen } from '../seen.ts'

const firstUse = ({ tries }: Grant) => Math.min(...tries.map(({ startedAt }) => startedAt.getTime()))

/**
 * What stands for a customer on both sides: grants that the store holds as spent, in the order in which they were used,
 * and the history in its own. They are the same order: a customer uses one after the other, and a new password ends
 * what was begun before it.
 */
export const byCustomer = ({ customers, grants }: Seen, { history, spentTokens }: Held) => {
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
