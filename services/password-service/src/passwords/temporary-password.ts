import type { EventData, LoginSucceeded } from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import { lockCustomer } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { endSessions } from '../sessions/sessions.store.ts'

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

/**
 * Ends a temporary password after its one sign-in, and all sessions but the one that it began. The hash stays: the
 * policy refuses the same password as a new one. Safe to repeat, also late: a newer password has another session epoch.
 *
 * @returns true if the password was a temporary one that had not expired
 * @throws RekeyError unavailable
 */
export const spendTemporaryPassword = (
  database: Database,
  { customer: code, sessionId, sessionEpoch }: EventData<typeof LoginSucceeded>,
  at: Date,
): Promise<boolean> =>
  database.transaction(async (tx) => {
    // Without a lock first: few sign-ins are with a temporary password.
    const found = await tx.credential.findFirst({
      where: { customer: { code, sessionEpoch }, temporaryUntil: { gt: used } },
    })
    const customer = found && (await lockCustomer(tx, found.customerId))
    if (customer?.sessionEpoch !== sessionEpoch) return false
    const { count } = await tx.credential.updateMany({
      where: { customerId: customer.id, temporaryUntil: { gt: used } },
      data: { temporaryUntil: used },
    })
    if (count === 0) return false
    await endSessions(tx, customer.id, { at, kept: sessionId })
    return true
  })
