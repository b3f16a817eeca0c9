import type { Hasher } from '../hashing/hasher.ts'
import type { FormerPasswordStore } from './former-passwords.store.ts'
import { type Reason, refusePassword } from './refusal.ts'

/** The customer whose current and former passwords are compared. */
export interface FormerOwner {
  id: number
  /** Hash of the current password; null if there is none. */
  hash: string | null
  /** True if the current password must be changed. */
  mustChange: boolean
  /** True if the current password is a temporary one. */
  temporary: boolean
}

interface Deps {
  hasher: Hasher
  former: Pick<FormerPasswordStore, 'list'>
  /** True if former passwords are stored and refused. */
  isKept: boolean
}

const reused: Reason = { code: 'reused', message: 'must not be one that this account had before' }
const unchanged: Reason = { code: 'not_new', message: 'must not be the one that is to be changed' }
const temporaryOne: Reason = { code: 'temporary', message: 'must not be the temporary one' }

/**
 * Refuses the current password if it must be changed or if former passwords are stored, and refuses former passwords
 * (PCI DSS 8.3.7). Each comparison computes a whole hash in the queue. Comparisons run one after another, so that the
 * history of one customer does not fill the queue.
 *
 * @throws RekeyError password_refused, unavailable
 */
export const createReuse = ({ hasher, former, isKept }: Deps) => {
  const reasonForCurrent = ({ mustChange, temporary }: FormerOwner) => {
    if (!mustChange) return isKept ? reused : undefined
    return temporary ? temporaryOne : unchanged
  }
  return async (owner: FormerOwner, password: string): Promise<void> => {
    const refuseIfSame = async (hash: string, reason: Reason) => {
      if ((await hasher.verify(hash, password)).verified) throw refusePassword([reason])
    }
    const reason = reasonForCurrent(owner)
    if (owner.hash && reason) await refuseIfSame(owner.hash, reason)
    if (!isKept) return
    for (const hash of await former.list(owner.id)) await refuseIfSame(hash, reused)
  }
}
