import { type Purpose, unavailable } from '@rekey/contracts'
import type { Redis } from '@rekey/platform/redis'
import { failedAttemptsKey } from './lockout.ts'

/** Failed attempts of accounts in Redis; challenges/answer.lua counts them. @throws RekeyError unavailable */
export const createLockoutStore = (redis: Redis) => ({
  /** Deletes an account's failed attempts, and so ends its lockout. */
  async clear(account: string, purpose: Purpose): Promise<void> {
    try {
      await redis.del(failedAttemptsKey(account, purpose))
    } catch (cause) {
      throw unavailable(cause)
    }
  },
})

export type LockoutStore = ReturnType<typeof createLockoutStore>
