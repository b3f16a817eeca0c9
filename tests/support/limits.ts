import { quotaEnv } from '@rekey/auth-gateway/limits/quotas'

/** Codes for one username follow one another at once: a pace of a second would slow most tests. */
export const noPace = { REKEY_CODE_PACE_MS: '0' }

/** Most of the processor time of a test would be password hashes. Those of production: hashing/argon2.ts. */
export const cheapHashes = { REKEY_HASH_MEMORY_KIB: '1024', REKEY_HASH_PASSES: '1' }
/** A hash of that cost. */
export const cheapHash = /^\$argon2id\$v=19\$m=1024,t=1,p=1\$/
/** For tests of what costs the time of a real hash. */
export const fullHashes = { REKEY_HASH_MEMORY_KIB: '19456', REKEY_HASH_PASSES: '2' }

/** Quotas that a test does not reach by accident: all its requests come from one address. */
export const wideLimits: Record<string, string> = {
  ...Object.fromEntries(
    Object.keys(quotaEnv)
      .filter((name) => name.startsWith('REKEY_LIMIT_'))
      .map((name) => [name, '1000000/1m']),
  ),
  ...noPace,
  ...cheapHashes,
}
