import type { Purpose } from '@rekey/contracts'
import { loadScript, type Redis } from '@rekey/platform/redis'
import { failedAttemptsKey } from './lockout.ts'

/** Moves failed attempts while REKEY_ACCOUNT_KEY is replaced (S52): a new key must not end a lockout. */
export const createFormerAccounts = (redis: Redis) => {
  const takeScript = loadScript(redis, new URL('./take-failed-attempts.lua', import.meta.url))
  const addScript = loadScript(redis, new URL('./add-failed-attempts.lua', import.meta.url))
  return {
    /**
     * Moves the failed attempts that were counted under an account's former keys to its current one. Two steps, because
     * the keys may be on two nodes of a cluster. Costs nothing while there is one REKEY_ACCOUNT_KEY.
     *
     * @throws RekeyError unavailable
     */
    async carryOver(former: readonly string[], account: string, purpose: Purpose): Promise<void> {
      for (const before of former) {
        const taken = (await takeScript([failedAttemptsKey(before, purpose)], [])) as [number, string, number]
        const [failures, lockedUntil, lifeMs] = taken
        if (failures > 0) await addScript([failedAttemptsKey(account, purpose)], [failures, lockedUntil, lifeMs])
      }
    },
  }
}

export type FormerAccounts = ReturnType<typeof createFormerAccounts>
