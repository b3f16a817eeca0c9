import type { Address, VerificationChannel } from '@rekey/contracts'
import { confirmedOldAddressesSql } from '../customers/confirmed-addresses.ts'
import type { Database, Transaction } from '../database.ts'
import { type Deletion, deleteOldest } from '../deletion.ts'
import { Prisma } from '../generated/prisma/client.ts'
import { codeColumns, loggedAddress, logMessages, suppressionSql } from '../messages/message.ts'
import { type AnyTransaction, prepared, runIn } from '../statements.ts'

/** Wrong codes after which a verification ends. */
export const mostFailures = 5

/** Old ones are kept for a day, because wrong codes count for so long. */
export const countedMs = 24 * 3_600_000

/** The state of a customer that decides the ways to verify the customer. */
export interface Methods {
  locale: string
  timezone: string
  /** The channel that the password came by whose recovery hold lasts. */
  heldBy: Address['kind'] | null
  /** Confirmed and not young: e-mail before phone, the oldest first. */
  addresses: Address[]
  /** True if an authenticator app is in force and not young. */
  hasTotp: boolean
}

const readMethods = prepared<Methods, [customerId: number, at: Date, oldSince: Date]>(
  'read_verification_methods',
  `SELECT c.locale, c.timezone, CASE WHEN c.hold_until > $2::timestamptz THEN c.password_channel::text END AS "heldBy",
    ${confirmedOldAddressesSql('$3')} AS addresses,
    EXISTS (
      SELECT FROM factor f WHERE f.customer_id = c.id AND f.kind = 'totp' AND f.confirmed_at <= $3::timestamptz
    ) AS "hasTotp"
  FROM customer c WHERE c.id = $1::int`,
)

/** @param oldSince what the customer gained after this time is young */
export const methodsOf = async (
  tx: AnyTransaction,
  customerId: number,
  { at, oldSince }: { at: Date; oldSince: Date },
): Promise<Methods | undefined> => (await runIn(tx, readMethods, customerId, at, oldSince))[0]

const lockStaff = prepared<object, [staff: string]>(
  'lock_verifying_staff',
  `SELECT pg_advisory_xact_lock(hashtextextended('verification ' || $1::text, 0))::text`,
)

/** The figures that quotas limit. */
export interface Used {
  /** Verifications of the customer, and of the member of staff, within the windows of their quotas. */
  ofCustomer: number
  ofStaff: number
  /** Wrong codes of the customer within a day. */
  failures: number
}

const count = prepared<
  Used,
  [customerId: number, staff: string, customerSince: Date, staffSince: Date, failSince: Date]
>(
  'count_verifications',
  `SELECT
    (SELECT count(*)::int FROM verification WHERE customer_id = $1::int AND created_at > $3::timestamptz) AS "ofCustomer",
    (SELECT count(*)::int FROM verification WHERE staff = $2::text AND created_at > $4::timestamptz) AS "ofStaff",
    (SELECT coalesce(sum(failures), 0)::int FROM verification
      WHERE customer_id = $1::int AND created_at > $5::timestamptz) AS failures`,
)

/** Reads what is used up of the quotas. The transaction has locked the member of staff and the customer. */
export const countUsed = async (
  tx: AnyTransaction,
  customerId: number,
  staff: string,
  since: { ofCustomer: Date; ofStaff: Date; failures: Date },
): Promise<Used> => {
  const [used] = await runIn(tx, count, customerId, staff, since.ofCustomer, since.ofStaff, since.failures)
  if (!used) throw new Error('Postgres returned no row')
  return used
}

/** Lets one request of a member of staff run at a time, so that a quota holds under parallel requests. */
export const lockStaffMember = async (tx: AnyTransaction, staff: string): Promise<void> => {
  await runIn(tx, lockStaff, staff)
}

/** A new verification. */
export interface NewVerification {
  id: string
  customerId: number
  staff: string
  method: VerificationChannel
  codeHmac: string | null
  reason: string | null
  createdAt: Date
  expiresAt: Date
}

/** Stores a verification and, if a message goes out, its entry in the log of messages (B13). */
export const addVerification = async (tx: Transaction, verification: NewVerification, to?: Address): Promise<void> => {
  await tx.verification.create({ data: verification })
  if (!to) return
  const { id, customerId, createdAt: askedAt, expiresAt } = verification
  const code = { challengeId: id, sendNumber: 0, purpose: 'verification' as const, to: loggedAddress(to) }
  const columns = codeColumns({ ...code, askedAt, expiresAt }, suppressionSql())
  await tx.$executeRaw(logMessages(Prisma.sql`SELECT ${customerId}::int AS customer_id, ${columns}`))
}

/** Removes a verification whose message could not be handed to the broker. */
export const removeVerification = (database: Database, id: string): Promise<void> =>
  database.transaction(async (tx) => {
    await tx.verification.deleteMany({ where: { id } })
    await tx.message.deleteMany({ where: { ref: id, sendNumber: 0 } })
  })

/** A verification whose code is compared. */
export interface Attempt {
  method: VerificationChannel
  codeHmac: string | null
  reason: string | null
  /** The number of this attempt. */
  failures: number
}

type Named = [id: string, customerId: number, staff: string]

// The attempt is counted before its code is compared: of parallel guesses no more are compared than may be wrong.
const takeAttempt = prepared<Attempt, [...Named, at: Date]>(
  'take_verification_attempt',
  `UPDATE verification SET failures = failures + 1
  WHERE id = $1::uuid AND customer_id = $2::int AND staff = $3::text
    AND verified_at IS NULL AND expires_at > $4::timestamptz AND failures < ${mostFailures}
  RETURNING method, code_hmac AS "codeHmac", reason, failures`,
)

const findFailures = prepared<{ failures: number }, Named>(
  'find_verification',
  'SELECT failures FROM verification WHERE id = $1::uuid AND customer_id = $2::int AND staff = $3::text',
)

/** Counts an attempt. @returns undefined if the verification accepts none */
export const countAttempt = async (tx: AnyTransaction, named: Named, at: Date): Promise<Attempt | undefined> =>
  (await runIn(tx, takeAttempt, ...named, at))[0]

/** Wrong codes of a verification of this customer by this member of staff; undefined if there is none. */
export const failuresOf = async (tx: AnyTransaction, named: Named): Promise<number | undefined> =>
  (await runIn(tx, findFailures, ...named))[0]?.failures

const markVerified = prepared<{ id: string }, [id: string, at: Date]>(
  'mark_verified',
  `UPDATE verification SET verified_at = $2::timestamptz, code_hmac = NULL, failures = failures - 1
  WHERE id = $1::uuid AND verified_at IS NULL AND expires_at > $2::timestamptz RETURNING id`,
)

/** Ends a verification by its right code. @returns false if it has ended since the code was compared */
export const endByRightCode = async (tx: AnyTransaction, id: string, at: Date): Promise<boolean> =>
  (await runIn(tx, markVerified, id, at)).length > 0

/** Deletes verifications that count no more. */
export const deleteOldVerifications =
  (loops: Database): Deletion =>
  (now, limit) =>
    deleteOldest(loops, { table: 'verification', column: 'created_at' }, new Date(now.getTime() - countedMs), limit)
