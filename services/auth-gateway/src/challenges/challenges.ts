import { toKeys } from '@rekey/platform/keys'
import type { Infrastructure } from '../infrastructure.ts'
import type { AccountKeys } from '../limits/account-keys.ts'
import { createFormerAccounts } from '../limits/former-accounts.ts'
import type { Limits } from '../limits/limits.ts'
import { lockoutPolicies } from '../limits/lockout.ts'
import { createAnsweredCodes } from '../steps/answered-codes.ts'
import { createRestoreSteps } from '../steps/restore-steps.ts'
import type { StoredRecords } from '../stored-records/stored-records.ts'
import { createAnswer } from './answer.ts'
import { createChallengeRecords } from './challenge.ts'
import { createCodeDelivery } from './code-delivery.ts'
import { createCodes } from './codes.ts'
import { createOpen } from './open.ts'
import { createOpenSecondProof } from './open-second-proof.ts'
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

interface Deps {
  limits: Limits
  accountKeys: AccountKeys
  records: StoredRecords
}

/** Challenges: open, send, answer. The only place that makes and compares confirmation codes. */
export const createChallenges = (infra: Infrastructure, config: Settings, deps: Deps) => {
  const { limits, accountKeys } = deps
  const records = createChallengeRecords(deps.records)
  const codeTtlMs = config.REKEY_CODE_TTL_SECONDS * 1_000
  const codes = createCodes({
    random: infra.random,
    keys: toKeys(config.REKEY_CODE_KEY),
    digits: config.REKEY_CODE_DIGITS,
  })
  const delivery = createCodeDelivery({ ...infra, codes, sealKeys: toKeys(config.REKEY_CODE_SEAL_KEY), codeTtlMs })
  const formerAccounts = createFormerAccounts(infra.redis)
  const restoreSteps = createRestoreSteps(infra.metrics)
  const answeredCodes = createAnsweredCodes(infra.metrics)
  const usernameKeys = toKeys(config.REKEY_USERNAME_SEAL_KEY)
  return {
    ...createOpen({
      ...infra,
      limits,
      accountKeys,
      formerAccounts,
      usernameKeys,
      codes,
      delivery,
      records,
      codeTtlMs,
      restoreSteps,
    }),
    ...createOpenSecondProof({ ...infra, accountKeys, formerAccounts, records }),
    ...createSend({ ...infra, limits, delivery, records, cooldownMs: resendCooldownMs(config) }),
    ...createAnswer({
      ...infra,
      limits,
      lockouts: lockoutPolicies(config.REKEY_LIMITS_SCALE),
      codes,
      records,
      answeredCodes,
    }),
  }
}

export type Challenges = ReturnType<typeof createChallenges>
