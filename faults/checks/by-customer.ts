import type { Held } from '../held.ts'
import type { Seen } from '../seen.ts'

/** What stands for a customer on both sides: grants that the store holds as spent, and history, each in its order. */
export const byCustomer = ({ customers, grants }: Seen, { history, spentTokens }: Held) => {
  const ofCustomer = Map.groupBy(grants, ({ customer }) => customer)
  const rows = Map.groupBy(history, ({ customerId }) => customerId)
  return customers.map((customer) => ({
    customer,
    spent: (ofCustomer.get(customer) ?? []).filter(({ jti }) => spentTokens.has(jti)),
    rows: rows.get(customer.id) ?? [],
  }))
}
