import { FactorsList, FactorsVerify } from '@rekey/contracts'
import type { Config } from '../config.ts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { factorRoutes } from './factors.routes.ts'
import { createFactorService } from './factors.service.ts'
import { deleteUnconfirmedFactors } from './factors.store.ts'
import { createProofMetrics } from './proof-metrics.ts'
import { createProofStore } from './proofs.store.ts'
import { createProofs, type ProvingCode } from './proofs.ts'
import { startReseal } from './reseal.ts'

export interface FactorsFeature extends Feature {
  /** Verifies a code of an authenticator app and uses it up. @throws RekeyError unavailable */
  verifyTotp(proving: Omit<ProvingCode, 'method'>): Promise<boolean>
}

/** Authenticator apps and recovery codes of customers (C1 to C6, `factors.list`, `factors.verify`). */
export const createFactors = (infra: Infrastructure, config: Config): FactorsFeature => {
  const { database, loops, metrics } = infra
  const proofs = createProofs({ ...infra, store: createProofStore(database), metrics: createProofMetrics(metrics) })
  const service = createFactorService({
    ...infra,
    brand: config.REKEY_BRAND,
    newAddressMs: config.REKEY_NEW_ADDRESS_HOURS * 3_600_000,
  })
  const reseal = startReseal(infra)
  return {
    verifyTotp: async (proving) => (await proofs.verify({ ...proving, method: 'totp' })).isRight,
    routes: (app) => factorRoutes(app, service),
    rpcs: [
      { rpc: FactorsList, answer: proofs.list },
      { rpc: FactorsVerify, answer: proofs.verify },
    ],
    deletions: { 'unconfirmed factors': deleteUnconfirmedFactors(loops) },
    close: reseal.close,
  }
}
