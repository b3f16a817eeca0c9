import { LoginSucceeded, PasswordStatus, PasswordVerify } from '@rekey/contracts'
import { consume } from '@rekey/platform/consumer'
import { acceptOAuthParameters } from '@rekey/platform/oauth-parameters'
import { registerScope } from '@rekey/platform/server'
import { type Config, restoreProofsOf } from '../config.ts'
import type { Feature } from '../feature.ts'
import type { Hashing } from '../hashing/hashing.feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import type { PasswordPolicy } from '../policy/policy.feature.ts'
import type { WaitingRestoresFeature } from '../waiting-restores/waiting-restores.feature.ts'
import { createDecoys } from './decoy.ts'
import { deleteExpiredTokens } from './grant.ts'
import { createPasswordMetrics } from './password-metrics.ts'
import { createPasswordOwnerStore, type PasswordOwnerStore } from './password-owners.store.ts'
import { passwordRoutes } from './passwords.routes.ts'
import { createPasswordService } from './passwords.service.ts'
import type { ReplaceDeps } from './replace-password.ts'
import { restoreResetRoutes } from './restore-reset.routes.ts'
import { createRestoreReset } from './restore-reset.service.ts'
import { createSecondProofs } from './second-proof.ts'
import { createSignInStore } from './sign-in.store.ts'
import { createStatus } from './status.service.ts'
import { createStatusStore } from './status.store.ts'
import { spendTemporaryPassword } from './temporary-password.ts'
import { createVerification } from './verification.service.ts'

export interface PasswordsFeature extends Feature, Pick<PasswordOwnerStore, 'findById'> {
  /** What replacePassword needs. */
  replaceDeps: ReplaceDeps
}

interface Others {
  hashing: Hashing
  policy: PasswordPolicy
  lockout: LockoutFeature
  waitingRestores: WaitingRestoresFeature
}

/** Changes, restores and verifies passwords (B1, B2, A3, `password.verify`, `password.status`). */
export const createPasswords = (
  infra: Infrastructure,
  config: Config,
  { hashing: { hasher }, policy, lockout, waitingRestores }: Others,
): PasswordsFeature => {
  const { database, loops, keys, smsCodes, now, log } = infra
  const replaceDeps: ReplaceDeps = {
    ...infra,
    holdMs: config.REKEY_HOLD_HOURS * 3_600_000,
    newAddressMs: config.REKEY_NEW_ADDRESS_HOURS * 3_600_000,
    formerPasswords: config.REKEY_PASSWORD_HISTORY,
    lockoutScale: lockout.scale,
    passwordMetrics: createPasswordMetrics(infra.metrics),
    secondProofs: createSecondProofs({
      ...infra,
      restoreProofs: restoreProofsOf(config),
      waitMs: waitingRestores.deps.waitMs,
    }),
    waitingRestores: waitingRestores.deps,
  }
  const store = createPasswordOwnerStore(replaceDeps)
  const passwords = createPasswordService({
    ...replaceDeps,
    failuresSeen: lockout.failuresSeen,
    signInsSeen: waitingRestores.signInsSeen,
    store,
    policy: policy.policy,
    hasher,
    requireCurrentPassword: config.REKEY_REQUIRE_CURRENT_PASSWORD ?? config.REKEY_PROFILE === 'production',
    minLength: policy.minLength,
    log,
  })
  const verify = createVerification({
    store: createSignInStore(database),
    hasher,
    decoyOf: createDecoys(keys.report),
    smsCodes,
    now,
    log,
  })
  const status = createStatus({ store: createStatusStore(database), lockoutOf: lockout.lockoutOf, now })

  return {
    findById: store.findById,
    replaceDeps,
    async routes(app) {
      passwordRoutes(app, passwords)
      await registerScope(app, async (oauth) => {
        acceptOAuthParameters(oauth)
        restoreResetRoutes(oauth, createRestoreReset(passwords))
      })
    },
    rpcs: [
      { rpc: PasswordVerify, answer: verify },
      { rpc: PasswordStatus, answer: status },
    ],
    consumers: (deps) => [
      consume(deps, {
        event: LoginSucceeded,
        concurrency: 32,
        async handle(login, { time }) {
          await waitingRestores.signedIn(login, time)
          if (!(await spendTemporaryPassword(database, login, now()))) return
          const { customer, clientId } = login
          log.event('authn_temporary_password_used', { customer, clientId })
        },
      }),
    ],
    deletions: { 'expired tokens': deleteExpiredTokens(loops) },
  }
}
