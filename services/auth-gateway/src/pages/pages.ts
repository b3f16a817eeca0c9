import { ReportCompromise, WaitingRestoreVeto } from '@rekey/contracts'
import type { Feature } from '@rekey/platform/feature'
import { maxPasswordLength, minPasswordLength } from '@rekey/platform/password-length'
import { callRpc } from '@rekey/platform/rpc'
import type { Authorize } from '../authorize/authorize.ts'
import { resendCooldownMs } from '../challenges/resend-cooldown.ts'
import type { Clients } from '../clients/clients.ts'
import type { Config } from '../config.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { Layout } from '../layout/layout.ts'
import type { Limits } from '../limits/limits.ts'
import type { TwoFactor } from '../two-factor/two-factor.ts'
import type { HostedRestoreDeps } from './hosted-restore.routes.ts'
import { createHostedRestore } from './hosted-restore.service.ts'
import type { RestoreState } from './hosted-restore.state.ts'
import { createSetNewPassword } from './new-password.ts'
import { pageRoutes } from './pages.routes.ts'
import type { ProofSteps } from './proof-steps.ts'
import { createReturnClients } from './return-to.ts'
import { strengthOf } from './strength.ts'

type Settings = Pick<
  Config,
  | 'REKEY_PASSWORD_SERVICE_URL'
  | 'REKEY_PASSWORD_MIN_LENGTH'
  | 'REKEY_SIGN_IN_MFA'
  | 'REKEY_CODE_DIGITS'
  | 'REKEY_CODE_TTL_SECONDS'
  | 'REKEY_RESEND_SECONDS'
  | 'REKEY_LIMITS_SCALE'
>

interface Deps {
  layout: Layout
  limits: Limits
  clients: Clients
  twoFactor: TwoFactor
  authorize: Authorize
  proofs: ProofSteps
}

/** Longer than a code and a grant live together, so that the last page is still there for a tab that was put away. */
const restoreLifeMs = 3_600_000

/** The hosted restore and the compromise report: pages for customers. */
export const createPages = (
  { broker, now, random, log, tls }: Infrastructure,
  config: Settings,
  deps: Deps,
): Feature => {
  const { layout, limits, clients, twoFactor, authorize, proofs } = deps

  const restoreOf = (defaultClientId: string): Omit<HostedRestoreDeps, 'render'> => ({
    hostedRestore: createHostedRestore({
      twoFactor,
      authorize,
      spendPassword: limits.spendPassword,
      setNewPassword: createSetNewPassword({ upstream: config.REKEY_PASSWORD_SERVICE_URL, fetch: tls.fetch }),
      strengthOf,
      proofs,
      cooldownMs: resendCooldownMs(config),
      now,
      log,
    }),
    states: layout.statesOf<RestoreState>('restore', restoreLifeMs),
    clients: createReturnClients(clients, defaultClientId),
    facts: {
      codeDigits: config.REKEY_CODE_DIGITS,
      codeLifeSeconds: config.REKEY_CODE_TTL_SECONDS,
      minPasswordLength: minPasswordLength(config),
      maxPasswordLength,
    },
    random,
    now,
  })

  return {
    routes: (app) =>
      pageRoutes(app, {
        layout,
        report: (report) => callRpc(broker, ReportCompromise, report),
        veto: (veto) => callRpc(broker, WaitingRestoreVeto, veto),
        spendToken: limits.spendToken,
        hostedRestore: clients.defaultClientId === undefined ? undefined : restoreOf(clients.defaultClientId),
      }),
  }
}
