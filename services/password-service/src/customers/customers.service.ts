import {
  type CustomerRecord,
  type CustomerReference,
  type CustomersGetReply,
  type CustomersUpsertReply,
  toReference,
} from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import type { Reading } from './customer-record.ts'
import type { CustomerStore } from './customers.store.ts'
import type { Upserts } from './upsert-customers.ts'

interface Deps {
  store: CustomerStore
  readRecord(record: CustomerRecord): Reading
  upsert: Upserts
  log: Logger
}

/** Answers the mesh questions of a platform that has its own customers. */
export const createCustomers = ({ store, readRecord, upsert, log }: Deps) => ({
  /** `customers.get`. @throws RekeyError invalid_request where not exactly one reference is given; unavailable */
  async get(asked: CustomerReference): Promise<CustomersGetReply> {
    const found = await store.find(toReference(asked))
    return found ? { found: true, ...found } : { found: false }
  },

  /** `customers.upsert`. @throws RekeyError unavailable */
  async upsert(record: CustomerRecord): Promise<CustomersUpsertReply> {
    const read = readRecord(record)
    if ('reasons' in read) return { stored: false, reasons: read.reasons }
    const [outcome] = await upsert([read.customer])
    if (!outcome || 'reasons' in outcome) return { stored: false, reasons: outcome?.reasons ?? [] }
    const { id, code, created, passwordStored, added, removed } = outcome.stored
    log.info(
      {
        event: 'customer_stored',
        customer: code,
        created,
        passwordStored,
        addressesAdded: added.length,
        addressesRemoved: removed.length,
      },
      'customer stored as the platform gave it',
    )
    return { stored: true, customerId: id, created, passwordStored }
  },
})
