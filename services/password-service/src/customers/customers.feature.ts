import {
  type CustomerRecord,
  type CustomerReference,
  CustomersGet,
  type CustomersGetReply,
  CustomersSummary,
  type CustomersSummaryReply,
  type CustomersSummaryRequest,
  CustomersUpsert,
  type CustomersUpsertReply,
  toReference,
} from '@rekey/contracts'
import type { Feature } from '../feature.ts'
import type { Hashing } from '../hashing/hashing.feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { retryOnContention } from './contention.ts'
import { createRecordReader } from './customer-record.ts'
import { createCustomerStore } from './customers.store.ts'
import { deleteFormerAddresses } from './former-addresses.store.ts'
import { startLossNotices } from './notify-losses.ts'
import { deleteExpiredRestores } from './restore-requests.ts'
import { upsertCustomers } from './upsert-customers.ts'

/** The customers of a platform that keeps its own: `customers.get`, `customers.summary`, `customers.upsert`. */
export const createCustomers = (
  infra: Infrastructure,
  config: { REKEY_NEW_ADDRESS_HOURS: number; REKEY_SMTPUTF8: boolean },
  { hasher }: Hashing,
): Feature => {
  const { database, loops, log } = infra
  const lossNotices = startLossNotices(infra)
  const store = createCustomerStore(database)
  const readRecord = createRecordReader({
    findHashError: hasher.findHashError,
    canSealFactors: true,
    smtpUtf8: config.REKEY_SMTPUTF8,
  })

  /** @throws RekeyError invalid_request unless exactly one reference is given; unavailable */
  const get = async (reference: CustomerReference): Promise<CustomersGetReply> => {
    const found = await store.find(toReference(reference))
    return found ? { found: true, ...found } : { found: false }
  }

  /** @throws RekeyError invalid_request unless exactly one reference is given; unavailable */
  const summarise = async (reference: CustomersSummaryRequest): Promise<CustomersSummaryReply> => {
    const found = await store.find(toReference(reference))
    return found ? { found: true, customer: found.customer, timezone: found.timezone } : { found: false }
  }

  /** @throws RekeyError unavailable */
  const upsert = async (record: CustomerRecord): Promise<CustomersUpsertReply> => {
    const read = readRecord(record)
    if ('reasons' in read) return { stored: false, reasons: read.reasons }
    const [outcome] = await retryOnContention(() =>
      database.transaction((tx) => upsertCustomers(tx, infra, [read.customer])),
    )
    if (!outcome || 'reasons' in outcome) return { stored: false, reasons: outcome?.reasons ?? [] }
    const { id, code, created, passwordStored, totpsStored, passkeysStored, added, removed } = outcome.stored
    if (removed.length > 0) lossNotices.wake()
    log.event('customer_stored', {
      customer: code,
      created,
      passwordStored,
      totpsStored,
      passkeysStored,
      addressesAdded: added.length,
      addressesRemoved: removed.length,
    })
    return { stored: true, customerId: id, created, passwordStored, totpsStored, passkeysStored }
  }

  return {
    rpcs: [
      { rpc: CustomersGet, answer: get },
      { rpc: CustomersSummary, answer: summarise },
      { rpc: CustomersUpsert, answer: upsert },
    ],
    deletions: {
      'expired restores': deleteExpiredRestores(loops),
      'former addresses': deleteFormerAddresses(loops, config.REKEY_NEW_ADDRESS_HOURS * 3_600_000),
    },
    close: lossNotices.close,
  }
}
