import {
  type ClientPasswordChange,
  type ClientRecord,
  formatTime,
  noSuchResource,
  type Page,
  type PasswordChange,
  passwordOperations,
} from '@rekey/contracts'
import type { CustomerKey, HistoryStore, ShownChange, ShownRecord } from './records.store.ts'

/** The fields that customers and staff both see. */
const sharedFields = ({ id, createTime, operation, actor, channel, ip, digest, holdUntil }: ShownRecord) => ({
  id,
  createTime: formatTime(createTime),
  operation,
  actor,
  channel,
  ip,
  digest,
  ...(holdUntil && { holdUntil: formatTime(holdUntil) }),
})

const toPasswordChange = (change: ShownChange): PasswordChange => {
  const { id, ...shared } = sharedFields(change)
  return { id, type: change.type, ...shared, operation: change.operation }
}

/** Who acted and why: staff are not named to customers. */
const staffFields = ({ actorId, approvedBy, reason }: ShownRecord) => ({
  actorId,
  ...(approvedBy && { approvedBy }),
  ...(reason && { reason }),
})

const toClientPasswordChange = (change: ShownChange): ClientPasswordChange => ({
  ...toPasswordChange(change),
  ...staffFields(change),
})

const isPasswordChange = (record: ShownRecord): record is ShownChange =>
  passwordOperations.some((operation) => operation === record.operation)

const toClientRecord = (record: ShownRecord): ClientRecord => {
  if (isPasswordChange(record)) return toClientPasswordChange(record)
  return { ...sharedFields(record), ...staffFields(record) }
}

interface Store<Stored> {
  list(customer: CustomerKey, page: Page): Promise<{ total: number; records: Stored[] } | undefined>
  find(customer: CustomerKey, id: number): Promise<Stored | null | undefined>
}

/** Reads one list of records of a customer and returns them in one form. `parameter`: of the path, with a record's id. */
const createReader = <Stored, Shown>(store: Store<Stored>, toShown: (stored: Stored) => Shown, parameter: string) => ({
  /** A page of the customer's records; undefined without such a customer. @throws RekeyError unavailable */
  async list(customer: CustomerKey, page: Page): Promise<{ total: number; data: Shown[] } | undefined> {
    const found = await store.list(customer, page)
    return found && { total: found.total, data: found.records.map(toShown) }
  },

  /**
   * One of the customer's records; undefined without such a customer.
   *
   * @throws RekeyError not_found: none, or of another customer; unavailable
   */
  async show(customer: CustomerKey, id: number): Promise<Shown | undefined> {
    const record = await store.find(customer, id)
    if (record === null) throw noSuchResource(parameter)
    return record && toShown(record)
  },
})

/** A customer's own history: without a customer of the token's subject there are no records. */
const createOwnReader = <Shown>({ list, show }: ReturnType<typeof createReader<never, Shown>>, parameter: string) => ({
  /** @throws RekeyError unavailable */
  list: async (code: string, page: Page): Promise<{ total: number; data: Shown[] }> =>
    (await list({ code }, page)) ?? { total: 0, data: [] },

  /** @throws RekeyError not_found, unavailable */
  async show(code: string, id: number): Promise<Shown> {
    const record = await show({ code }, id)
    if (!record) throw noSuchResource(parameter)
    return record
  },
})

/** A customer's history, as the API returns it: to the customer (B3, B4), and to the back office (B8, records). */
export const createHistoryService = ({ passwordChanges, records }: HistoryStore) => ({
  own: createOwnReader(createReader(passwordChanges, toPasswordChange, 'changeId'), 'changeId'),
  passwordChanges: createReader(passwordChanges, toClientPasswordChange, 'changeId'),
  records: createReader(records, toClientRecord, 'recordId'),
})

export type HistoryService = ReturnType<typeof createHistoryService>
