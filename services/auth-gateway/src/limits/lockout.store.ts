import type { Purpose } from '@rekey/contracts'
import { unavailable } from '@rekey/contracts'
import type { Redis } from '@rekey/platform/redis'
import { budgetKey } from './lockout.ts'

/** Budgets of wrong codes, which the challenges' scripts spend. @throws RekeyError unavailable */
export const createBudgetStore = (redis: Redis) => ({
  async forgive(account: string, purpose: Purpose): Promise<void> {
    try {
      await redis.del(budgetKey(account, purpose))
    } catch (cause) {
      throw unavailable(cause)
    }
  },
})

export type BudgetStore = ReturnType<typeof createBudgetStore>
