import {
  type ClientPasswordChange,
  type ClientRecord,
  formatTime,
  noSuchResource,
  type Page,
  type PasswordChange,
  passwordOperations,
} from '@rekey/contracts'
import type { HistoryStore, ShownChange, ShownRecord } from './history.store.ts'

const toPasswordChange = ({
  id,
  type,
  createTime,
  operation,
  actor,
  channel,
  ip,
  digest,
  holdUntil,
}: ShownChange): PasswordChange => ({
  id,
  type,
  createTime: formatTime(createTime),
  operation,
  actor,
  channel,
  ip,
  digest,
  ...(holdUntil && { holdUntil: formatTime(holdUntil) }),
})

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
  const { id, createTime, operation, actor, channel, ip, digest } = record
  return { id, createTime: formatTime(createTime), operation, actor, channel, ip, digest, ...staffFields(record) }
}

interface Store<Stored> {
  list(customerCode: string, page: Page): Promise<{ total: number; records: Stored[] }>
  find(customerCode: string, id: number): Promise<Stored | undefined>
}

/** Reads one kind of records of a customer and returns them in one form. `parameter`: of the path, with a record's id. */
const createReader = <Stored, Shown>(store: Store<Stored>, toShown: (stored: Stored) => Shown, parameter: string) => ({
  /** A page of the customer's records. @throws RekeyError unavailable */
  async list(customerCode: string, page: Page): Promise<{ total: number; data: Shown[] }> {
    const { total, records } = await store.list(customerCode, page)
    return { total, data: records.map(toShown) }
  },

  /** One of the customer's records. @throws RekeyError not_found: none, or of another customer; unavailable */
  async show(customerCode: string, id: number): Promise<Shown> {
    const record = await store.find(customerCode, id)
    if (!record) throw noSuchResource(parameter)
    return toShown(record)
  },
})

/** A customer's history, as the API returns it: to the customer (B3, B4), and to the back office (B8, records). */
export const createHistoryService = ({ passwordChanges, records }: HistoryStore) => ({
  own: createReader(passwordChanges, toPasswordChange, 'changeId'),
  passwordChanges: createReader(passwordChanges, toClientPasswordChange, 'changeId'),
  records: createReader(records, toClientRecord, 'recordId'),
})

export type HistoryService = ReturnType<typeof createHistoryService>
