import { quotaEnv } from '@rekey/auth-gateway/limits/quotas'

/** Allowances that a test does not reach unless it means to: all its requests come from one address. */
export const wideLimits: Record<string, string> = Object.fromEntries(
  Object.keys(quotaEnv)
    .filter((name) => name.startsWith('REKEY_LIMIT_'))
    .map((name) => [name, '1000000/1m']),
)
