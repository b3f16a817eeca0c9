import type { Hasher } from '../hashing/hasher.ts'
import type { FormerPasswordStore } from './former-passwords.store.ts'
import { type Reason, refusePassword } from './refusal.ts'

/** Whose former passwords they are. */
export interface FormerOwner {
  id: number
  /** Of the current password, where there is one. */
  hash: string | null
  /** Whether the current password must be changed. */
  mustChange: boolean
  /** Whether it was given as a temporary one. */
  temporary: boolean
}

interface Deps {
  hasher: Hasher
  former: Pick<FormerPasswordStore, 'list'>
  /** Whether former passwords are kept, and none may come again. */
  isKept: boolean
}

const reused: Reason = { code: 'reused', message: 'must not be one that this account had before' }
const unchanged: Reason = { code: 'not_new', message: 'must not be the one that is to be changed' }
const temporaryOne: Reason = { code: 'temporary', message: 'must not be the temporary one' }

/**
 * Refuses a password that the account has, where it must be changed or former ones are kept, or had before (PCI DSS
 * 8.3.7). Each comparison is a whole hash and waits for its turn; they come one after another, so that one customer's
 * history does not take the turns of many.
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
