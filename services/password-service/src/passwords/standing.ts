import type { Address } from '@rekey/contracts'
import { confirmedAddressesSql } from '../customers/confirmed-addresses.ts'
import { formerAddressesSql } from '../customers/former-addresses.store.ts'
import type { OpenRestore } from '../customers/restore-requests.ts'
import { youngFactorKindsSql } from '../customers/young-factors.ts'
import { prepared, type RunStatement } from '../statements.ts'
import {
  readWaiting,
  type WaitingJson,
  type WaitingNow,
  waitingRestoreSql,
} from '../waiting-restores/waiting-restores.store.ts'
import type { Grant } from './grant.ts'

/** What decides about a new password of a locked customer, and who is told of it. */
export interface Standing {
  /** The restore that the grant belongs to; undefined if it has ended, or there is none. */
  restore: OpenRestore | undefined
  /** Times of wrong codes since the last successful restore. */
  failures: readonly Date[]
  /** Confirmed addresses: e-mail before phone, the oldest first. */
  addresses: Address[]
  /** Kinds of factors in force. */
  factorKinds: string[]
  /** Those of them of which all factors are young. */
  youngFactorKinds: string[]
  /** Addresses that the customer lost a short while ago. */
  formerAddresses: Address[]
  /** The restore of the customer that waits. */
  waiting: WaitingNow | undefined
}

interface Row extends OpenRestore {
  isOpen: boolean
  failures: Date[] | null
  addresses: Address[]
  factorKinds: string[]
  youngFactorKinds: string[]
  formerAddresses: Address[]
  waiting: WaitingJson | null
}

const read = prepared<Row, [customerId: number, challengeId: string | null, lostAfter: Date]>(
  'read_standing',
  `SELECT r.challenge_id IS NOT NULL AS "isOpen", r.kind::text AS kind, r.young_since AS "youngSince",
    (SELECT array_agg(failed_at) FROM restore_failure WHERE customer_id = c.id) AS failures,
    ${confirmedAddressesSql.text} AS addresses, c.factor_kinds::text[] AS "factorKinds",
    ${youngFactorKindsSql('$3')} AS "youngFactorKinds", ${formerAddressesSql('$3')} AS "formerAddresses",
    ${waitingRestoreSql} AS waiting
  FROM customer c LEFT JOIN restore_request r ON r.challenge_id = $2::uuid AND r.customer_id = c.id
  WHERE c.id = $1::int`,
)

/**
 * Reads it after the lock. `lostAfter`: addresses that were lost before are told of nothing more, and factors that were
 * enrolled after it are young.
 */
export const readStanding = async (
  run: RunStatement,
  customerId: number,
  { grant, lostAfter }: { grant: Grant | undefined; lostAfter: Date },
): Promise<Standing> => {
  const [row] = await run(read, customerId, grant?.challengeId ?? null, lostAfter)
  if (!row) throw new Error('a locked customer is gone')
  const { isOpen, kind, youngSince, failures, waiting, ...addresses } = row
  const restore = isOpen ? { kind, youngSince } : undefined
  return { restore, failures: failures ?? [], waiting: readWaiting(waiting), ...addresses }
}
