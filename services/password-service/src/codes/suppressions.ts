import type { Address, Suppression } from '@rekey/contracts'
import type { Database } from '../database.ts'
import type { LoggedCode } from '../messages/message.ts'
import { logSuppressed } from '../messages/messages.store.ts'

interface Deps {
  database: Database
  elapsedMs(): number
}

/** One code of a challenge can be requested in this time (S7): no customer's own request is left out. */
const everyMs = 60_000

/**
 * Logs suppressed codes as messages (B13): for each address and reason at most one a minute, so that a flood of requests
 * costs the database as little as before. Known and unknown addresses cost the same (S12).
 */
export const createSuppressions = ({ database, elapsedMs }: Deps) => {
  /** When each was last logged, in the order of that. */
  const logged = new Map<string, number>()

  const forget = (atMs: number) => {
    for (const [key, loggedMs] of logged) {
      if (atMs - loggedMs < everyMs) return
      logged.delete(key)
    }
  }

  return {
    /** `suppression` undefined: the time of the code is over. @throws RekeyError unavailable */
    async log(address: Address, code: LoggedCode, suppression?: Suppression): Promise<void> {
      const atMs = elapsedMs()
      forget(atMs)
      const key = `${suppression} ${address.value}`
      if (logged.has(key)) return
      logged.set(key, atMs)
      try {
        await logSuppressed(database, address, code, suppression)
      } catch (error) {
        logged.delete(key)
        throw error
      }
    },
  }
}

export type Suppressions = ReturnType<typeof createSuppressions>
