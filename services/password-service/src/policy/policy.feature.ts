import { minPasswordLength } from '@rekey/platform/password-length'
import type { Config } from '../config.ts'
import type { Feature } from '../feature.ts'
import type { Hashing } from '../hashing/hashing.feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { loadCommonPasswords } from './common-passwords.ts'
import { createContextWords } from './context-words.ts'
import { createFormerPasswordStore, deleteFormerPasswords } from './former-passwords.store.ts'
import { createPolicy, type Policy } from './policy.ts'
import { createReuse } from './reuse.ts'

export interface PasswordPolicy extends Feature {
  policy: Policy
  /** Code points of a new password, at least. */
  minLength: number
}

/** Its libraries are loaded only where an operator has set a vendor. */
const openBreaches = async (
  { REKEY_BREACH_URL: url, REKEY_BREACH_TIMEOUT_MS: timeoutMs }: Config,
  infra: Infrastructure,
) => {
  if (url === undefined) return undefined
  const { createBreaches } = await import('./breach.ts')
  return createBreaches({ url, timeoutMs, log: infra.log, metrics: infra.metrics })
}

/** The rules for new passwords. */
export const createPasswordPolicy = async (
  infra: Infrastructure,
  config: Config,
  { hasher }: Hashing,
): Promise<PasswordPolicy> => {
  const { database, loops } = infra
  const minLength = minPasswordLength(config)
  const refusesCommon = config.REKEY_PASSWORD_BLOCKLIST ?? config.REKEY_PROFILE === 'production'
  const breaches = await openBreaches(config, infra)
  const kept = config.REKEY_PASSWORD_HISTORY
  const former = createFormerPasswordStore({ database, kept })
  return {
    minLength,
    policy: createPolicy({
      minLength,
      isCommon: refusesCommon ? await loadCommonPasswords() : () => false,
      isContextWord: createContextWords({ brand: config.REKEY_BRAND, publicUrl: config.REKEY_PUBLIC_URL }),
      isLeaked: breaches?.isLeaked ?? (async () => false),
      refuseReused: createReuse({ hasher, former, isKept: kept > 0 }),
    }),
    deletions: { 'former passwords': deleteFormerPasswords(loops, kept) },
    async close() {
      await breaches?.close()
    },
  }
}
