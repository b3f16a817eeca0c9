import { RekeyError } from '@rekey/contracts'
import type { Database, Transaction } from '../database.ts'
import { prepared, runIn } from '../statements.ts'
import type { ProvingFactor } from './proofs.store.ts'
import type { Asserted, Registered } from './webauthn.ts'

/** A passkey as browsers are told of it. */
export interface ListedPasskey {
  credentialId: string
  transports: string[]
  /** Null: imported. */
  userHandle: string | null
}

/** A passkey whose public key is needed. */
export interface ProvingPasskey extends ProvingFactor {
  /** Null: imported. */
  userHandle: string | null
  /** Null: imported, and not used yet. */
  isBackupEligible: boolean | null
}

const list = prepared<ListedPasskey, [customer: string]>(
  'list_passkeys',
  `SELECT p.credential_id AS "credentialId", p.transports, p.user_handle AS "userHandle"
  FROM customer c JOIN factor f ON f.customer_id = c.id JOIN passkey p ON p.factor_id = f.id
  WHERE c.code = $1::text ORDER BY f.created_at, f.id`,
)

const find = prepared<ProvingPasskey, [customer: string, credentialId: string]>(
  'find_passkey',
  `SELECT f.id, f.customer_id AS "customerId", f.sealed_secret AS "sealedSecret", p.user_handle AS "userHandle",
    p.is_backup_eligible AS "isBackupEligible"
  FROM passkey p JOIN factor f ON f.id = p.factor_id JOIN customer c ON c.id = f.customer_id
  WHERE p.credential_id = $2::text AND c.code = $1::text`,
)

// The counter of a passkey that is backed up is of several devices, or always 0: it says nothing (WebAuthn L3 §6.1.1).
const use = prepared<
  { id: string },
  [factorId: string, counter: number, isBackedUp: boolean, at: Date, isBackupEligible: boolean]
>(
  'use_passkey',
  `WITH used AS (
    UPDATE passkey SET counter = $2::bigint, is_backed_up = $3::boolean, is_backup_eligible = $5::boolean
    WHERE factor_id = $1::uuid AND coalesce(is_backup_eligible, $5::boolean) = $5::boolean
      AND ($3::boolean OR $2::bigint > counter OR ($2::bigint = 0 AND counter = 0))
    RETURNING factor_id
  )
  UPDATE factor SET last_used_at = $4::timestamptz FROM used WHERE factor.id = used.factor_id RETURNING factor.id`,
)

/** The customer's passkeys, the oldest first; none of an unknown customer. */
export const listPasskeys = (database: Database, customer: string): Promise<ListedPasskey[]> =>
  database.run(list, customer)

/** The customer's passkey with this credential id; undefined too if it is another customer's. */
export const findPasskey = async (
  database: Database,
  customer: string,
  credentialId: string,
): Promise<ProvingPasskey | undefined> => (await database.run(find, customer, credentialId))[0]

/** Stores the credential of a factor. @throws RekeyError invalid_request if it is enrolled already */
export const addPasskey = async (
  tx: Transaction,
  factorId: string,
  { publicKey: _, ...credential }: Registered,
  other: { transports: string[]; userHandle: string },
): Promise<void> => {
  const data = { factorId, ...credential, ...other }
  const { count } = await tx.passkey.createMany({ data: [data], skipDuplicates: true })
  if (count === 0) throw new RekeyError('invalid_request', { detail: 'This passkey is enrolled already.' })
}

/** Notes an assertion. @returns false if the counter did not rise, or there is no such passkey any more (S56) */
export const takePasskey = async (
  tx: Transaction,
  factorId: string,
  { counter, isBackedUp, isBackupEligible }: Asserted,
  at: Date,
): Promise<boolean> => (await runIn(tx, use, factorId, counter, isBackedUp, at, isBackupEligible)).length > 0
