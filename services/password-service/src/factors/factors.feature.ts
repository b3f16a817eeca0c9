import { FactorsList, FactorsVerify, RequestPasskey, VerifyPasskey } from '@rekey/contracts'
import { relyingPartyOf } from '@rekey/platform/relying-party'
import type { Config } from '../config.ts'
import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { factorRoutes } from './factors.routes.ts'
import { createFactorService } from './factors.service.ts'
import { deleteUnconfirmedFactors } from './factors.store.ts'
import { createPasskeyChallenges } from './passkey-challenges.ts'
import { createPasskeyProofs } from './passkey-proofs.ts'
import { createProofMetrics } from './proof-metrics.ts'
import { createProofStore } from './proofs.store.ts'
import { createProofs, type ProvingCode } from './proofs.ts'
import { startReseal } from './reseal.ts'

export interface FactorsFeature extends Feature {
  /** Verifies a code of an authenticator app and uses it up. @throws RekeyError unavailable */
  verifyTotp(proving: Omit<ProvingCode, 'method'>): Promise<boolean>
}

/** Authenticator apps, passkeys and recovery codes of customers: C1 to C6, and the RPCs that verify them. */
export const createFactors = (infra: Infrastructure, config: Config): FactorsFeature => {
  const { database, loops, metrics } = infra
  const proofMetrics = createProofMetrics(metrics)
  const proofs = createProofs({ ...infra, store: createProofStore(database), metrics: proofMetrics })
  const deps = {
    ...infra,
    brand: config.REKEY_BRAND,
    newAddressMs: config.REKEY_NEW_ADDRESS_HOURS * 3_600_000,
    party: relyingPartyOf(config),
    passkeyChallenges: createPasskeyChallenges(infra),
  }
  const service = createFactorService(deps)
  const passkeys = createPasskeyProofs({ ...deps, metrics: proofMetrics })
  const reseal = startReseal(infra)
  return {
    verifyTotp: async (proving) => (await proofs.verify({ ...proving, method: 'totp' })).isRight,
    routes: (app) => factorRoutes(app, service),
    rpcs: [
      { rpc: FactorsList, answer: proofs.list },
      { rpc: FactorsVerify, answer: proofs.verify },
      { rpc: RequestPasskey, answer: passkeys.request },
      { rpc: VerifyPasskey, answer: passkeys.verify },
    ],
    deletions: { 'unconfirmed factors': deleteUnconfirmedFactors(loops) },
    close: reseal.close,
  }
}
