import type { EventData, LoginSucceeded } from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { endSessions } from '../sessions/sessions.store.ts'
import { prepared } from '../statements.ts'

/** Without characters that look alike: 0 and o, 1 and l and i. */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'

/** 79 bits: more than an online guess within a day requires (ASVS 6.4.1). */
const usualLength = 16

/** Bytes from here on are skipped: they would make the first characters more likely than the others. */
const firstUnused = 256 - (256 % alphabet.length)

/** A random password of at least `minLength` characters, to be sent to a customer. */
export const makeTemporaryPassword = (random: Random, minLength: number): string => {
  const length = Math.max(usualLength, minLength)
  let password = ''
  while (password.length < length) {
    const fair = [...random.bytes(length)].filter((byte) => byte < firstUnused)
    password += fair.map((byte) => alphabet[byte % alphabet.length]).join('')
  }
  return password.slice(0, length)
}

/** Expiry of a temporary password that was used: in the past on every machine's clock. */
const used = new Date(0)

const findTemporary = prepared<{ customerId: number }, [code: string, sessionEpoch: number, used: Date]>(
  'find_temporary_password',
  `SELECT k.customer_id AS "customerId" FROM customer c JOIN credential k ON k.customer_id = c.id
  WHERE c.code = $1::text AND c.session_epoch = $2::int AND k.temporary_until > $3::timestamptz`,
)

const endTemporary = prepared<{ customerId: number }, [customerId: number, used: Date, at: Date]>(
  'end_temporary_password',
  `UPDATE credential SET temporary_until = $2::timestamptz, updated_at = $3::timestamptz
  WHERE customer_id = $1::int AND temporary_until > $2::timestamptz RETURNING customer_id AS "customerId"`,
)

/**
 * Ends a temporary password after its one sign-in, and all sessions but the one that it began. The hash stays: the
 * policy refuses the same password as a new one. Safe to repeat, also late: a newer password has another session epoch.
 *
 * @returns true if the password was a temporary one that had not expired
 * @throws RekeyError unavailable
 */
export const spendTemporaryPassword = async (
  database: Database,
  { customer: code, sessionId, sessionEpoch }: EventData<typeof LoginSucceeded>,
  at: Date,
): Promise<boolean> => {
  // Without a transaction first: few sign-ins are with a temporary password.
  const [found] = await database.run(findTemporary, code, sessionEpoch, used)
  if (!found) return false
  return database.runTransaction(async (run) => {
    const customer = await lockCustomer(run, found.customerId)
    if (customer?.sessionEpoch !== sessionEpoch) return false
    const ended = await run(endTemporary, customer.id, used, at)
    if (ended.length === 0) return false
    await endSessions(run, customer.id, { at, kept: sessionId })
    return true
  })
}
