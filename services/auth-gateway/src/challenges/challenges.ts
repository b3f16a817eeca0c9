import { toKey } from '@rekey/platform/seal'
import type { Infrastructure } from '../infrastructure.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { Limits } from '../limits/limits.ts'
import { lockoutPolicies } from '../limits/lockout.ts'
import { createAnswer } from './answer.ts'
import { createCodeDelivery } from './code-delivery.ts'
import { createCodes } from './codes.ts'
import { createOpen } from './open.ts'
import { resendCooldownMs } from './resend-cooldown.ts'
import { createSend } from './send.ts'

interface Settings {
  REKEY_CODE_KEY: string
  REKEY_CODE_SEAL_KEY: string
  REKEY_USERNAME_SEAL_KEY: string
  REKEY_CODE_DIGITS: number
  REKEY_CODE_TTL_SECONDS: number
  REKEY_RESEND_SECONDS: number
  REKEY_LIMITS_SCALE: number
}

/** Challenges: open, send, answer. The only place that makes and compares confirmation codes. */
export const createChallenges = (infra: Infrastructure, config: Settings, limits: Limits, accountKeys: AccountKeys) => {
  const codeTtlMs = config.REKEY_CODE_TTL_SECONDS * 1_000
  const codes = createCodes({
    random: infra.random,
    key: toKey(config.REKEY_CODE_KEY),
    digits: config.REKEY_CODE_DIGITS,
  })
  const delivery = createCodeDelivery({ ...infra, codes, key: toKey(config.REKEY_CODE_SEAL_KEY), codeTtlMs })
  const usernameKey = toKey(config.REKEY_USERNAME_SEAL_KEY)
  return {
    ...createOpen({ ...infra, limits, accountKeys, usernameKey, codes, delivery, codeTtlMs }),
    ...createSend({ ...infra, limits, delivery, cooldownMs: resendCooldownMs(config) }),
    ...createAnswer({ ...infra, limits, lockouts: lockoutPolicies(config.REKEY_LIMITS_SCALE), codes }),
  }
}

export type Challenges = ReturnType<typeof createChallenges>
