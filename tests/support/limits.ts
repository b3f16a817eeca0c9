import { quotaEnv } from '@rekey/auth-gateway/limits/quotas'

/** Codes for one username follow one another at once: a pace of a second would slow most tests. */
export const noPace = { REKEY_CODE_PACE_MS: '0' }

/** Quotas that a test does not reach by accident: all its requests come from one address. */
export const wideLimits: Record<string, string> = {
  ...Object.fromEntries(
    Object.keys(quotaEnv)
      .filter((name) => name.startsWith('REKEY_LIMIT_'))
      .map((name) => [name, '1000000/1m']),
  ),
  ...noPace,
}
