import { CustomersErase, type CustomersEraseReply, type CustomersEraseRequest, toReference } from '@rekey/contracts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { eraseCustomer } from './erase-customer.ts'

/** The erasure of customers: `customers.erase`. */
export const createErasure = ({ loops, now, random, log, keys }: Infrastructure): Feature => ({
  rpcs: [
    {
      rpc: CustomersErase,
      /** @throws RekeyError invalid_request unless exactly one reference is given; unavailable */
      async answer({ reason, dryRun = false, ...of }: CustomersEraseRequest): Promise<CustomersEraseReply> {
        const customer = toReference(of)
        if ('address' in customer) throw new Error('the schema has no username')
        const erased = await eraseCustomer(
          { loops, now, random, usernameKeys: keys.username },
          { customer, reason, dryRun },
        )
        if (!erased) return { found: false }
        const { customerId, records } = erased
        if (!dryRun) log.event('customer_erased', { customerId, records })
        return { found: true, erased: !dryRun, ...erased }
      },
    },
  ],
})
