import { deriveKeys } from '@rekey/platform/keys'
import type { Config } from '../config.ts'
import type { FactorsFeature } from '../factors/factors.feature.ts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { LockoutFeature } from '../lockout/lockout.feature.ts'
import { readQuotas } from './quotas.ts'
import { createVerificationMetrics } from './verification-metrics.ts'
import { verificationRoutes } from './verifications.routes.ts'
import { createVerificationService } from './verifications.service.ts'
import { deleteOldVerifications } from './verifications.store.ts'

interface Others {
  lockout: LockoutFeature
  factors: FactorsFeature
}

/** Verifications of customers who call the help desk (C8, C9). */
export const createVerifications = (
  infra: Infrastructure,
  config: Config,
  { lockout, factors: { verifyTotp } }: Others,
): Feature => {
  const { keys, loops } = infra
  const service = createVerificationService({
    ...infra,
    keys: { ...keys, verification: deriveKeys(keys.report, 'verifications') },
    quotas: readQuotas(config, lockout.scale),
    newAddressMs: config.REKEY_NEW_ADDRESS_HOURS * 3_600_000,
    lockout,
    verifyTotp: ({ verificationId, ...code }) =>
      verifyTotp({ ...code, challengeId: verificationId, purpose: 'verification' }),
    metrics: createVerificationMetrics(infra.metrics),
  })
  return {
    routes: (app) => verificationRoutes(app, service),
    deletions: { 'old verifications': deleteOldVerifications(loops) },
  }
}
