import { allowanceEnv } from '@rekey/auth-gateway/limits/allowances'

/** Quotas that a test does not reach by accident: all its requests come from one address. */
export const wideLimits: Record<string, string> = Object.fromEntries(
  Object.keys(allowanceEnv)
    .filter((name) => name.startsWith('REKEY_LIMIT_'))
    .map((name) => [name, '1000000/1m']),
)
