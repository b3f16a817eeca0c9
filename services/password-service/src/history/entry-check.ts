import { passwordOperations } from '@rekey/contracts'
import type { ChainedChange } from './digest.ts'

/** The number of a record (table history_entry). */
export interface StoredEntry {
  customerId: number
  changesOnly: boolean
  position: number
  changeId: number
}

/** A customer whose numbers do not match the records. `changeId`: the first record or number that differs. */
export interface InvalidEntry {
  customerId: number
  changeId: number
  flaw: 'entry missing' | 'entry extra' | 'entry order'
}

type Listed = Pick<ChainedChange, 'id' | 'operation'>

const isPasswordChange = ({ operation }: Listed) => passwordOperations.some((one) => one === operation)

const compare = (customerId: number, records: readonly Listed[], entries: readonly StoredEntry[]) => {
  const length = Math.max(records.length, entries.length)
  for (let index = 0; index < length; index += 1) {
    const [record, entry] = [records[index], entries[index]]
    const flaw = (flaw: InvalidEntry['flaw'], changeId: number): InvalidEntry => ({ customerId, changeId, flaw })
    if (!entry) return flaw('entry missing', record?.id ?? 0)
    if (!record || entry.changeId < record.id) return flaw('entry extra', entry.changeId)
    if (entry.changeId > record.id) return flaw('entry missing', record.id)
    if (entry.position !== (entries[0]?.position ?? 0) + index) return flaw('entry order', entry.changeId)
  }
}

/**
 * Checks a customer's numbers against the customer's records, in the order of both: every record has one number in the
 * list of all, each password change one in the list of these, without gaps. Records from before the numbers have none
 * until the history is first read.
 *
 * @returns undefined if they match
 */
export const checkEntries = (
  customerId: number,
  records: readonly Listed[],
  entries: readonly StoredEntry[],
): InvalidEntry | undefined => {
  if (entries.length === 0) return undefined
  const { true: changes = [], false: all = [] } = Object.groupBy(entries, ({ changesOnly }) => `${changesOnly}`)
  return compare(customerId, records, all) ?? compare(customerId, records.filter(isPasswordChange), changes)
}
