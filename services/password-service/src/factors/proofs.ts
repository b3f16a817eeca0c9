import {
  enrolledMethods,
  type FactorPurpose,
  type FactorsListReply,
  type FactorsListRequest,
  type FactorsVerifyReply,
  type FactorsVerifyRequest,
  kindOfMethod,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Random } from '@rekey/platform/random'
import { lockCustomerByCode } from '../customers/lock.ts'
import type { Database } from '../database.ts'
import { openSecret, type SecretOwner, sealSecret } from '../factor-secrets/factor-secret.ts'
import { matchingSteps, newTotp, stepAt, stepsToTry, type Totp, usualPeriodSeconds } from '../factor-secrets/totp.ts'
import type { ProofMetrics, ProofOutcome } from './proof-metrics.ts'
import { findRecoveryCodes, type ProofStore, type TotpFactor, useRecoveryCode } from './proofs.store.ts'
import { newRecoveryCodes, recoveryCodeHmac } from './recovery-codes.ts'

interface Deps {
  database: Database
  store: ProofStore
  keys: { factor: Keys }
  now: Now
  random: Random
  log: Logger
  metrics: ProofMetrics
}

/** A code that proves a customer: to the gateway by `factors.verify`, or to the help desk. */
export type ProvingCode = Omit<FactorsVerifyRequest, 'purpose'> & {
  purpose: FactorPurpose | 'verification'
  /** Authenticator apps that were confirmed later do not count. */
  confirmedBefore?: Date
}

/** No factor has this id. */
const noFactor: SecretOwner = { id: '00000000-0000-0000-0000-000000000000', customerId: 0 }

/**
 * Second proofs by what a customer enrolled. For a customer who is unknown or lacks the method, the secrets of a decoy are
 * opened and the same statements run: the answer is false after equal time.
 */
export const createProofs = ({ database, store, keys, now, random, log, metrics }: Deps) => {
  const decoyTotp: TotpFactor = {
    ...noFactor,
    ...sealSecret(keys.factor, noFactor, newTotp()),
    periodSeconds: usualPeriodSeconds,
    clockOffset: 0,
  }
  const decoySet = { ...noFactor, ...sealSecret(keys.factor, noFactor, newRecoveryCodes(random).key) }

  const proveByTotp = async ({ customer, code, confirmedBefore }: ProvingCode): Promise<ProofOutcome> => {
    const factors = await store.findTotps(customer, confirmedBefore)
    const at = now()
    let outcome: ProofOutcome = factors.length > 0 ? 'wrong' : 'not_enrolled'
    for (const factor of factors.length > 0 ? factors : [decoyTotp]) {
      const { id, periodSeconds, clockOffset } = factor
      const totp = await openSecret<Totp>(keys.factor, factor, factor.sealedSecret)
      const steps = stepsToTry(stepAt(at, periodSeconds), clockOffset)
      const matched = matchingSteps(totp, code, steps, periodSeconds)
      // Also without a match, so that a wrong code takes as long as a right one that was used before.
      if (await store.takeStep(id, matched, at)) return 'right'
      if (matched.length > 0) outcome = 'used'
    }
    return outcome
  }

  const proveByRecoveryCode = ({ customer, code }: ProvingCode): Promise<ProofOutcome> =>
    database.runTransaction(async (run) => {
      const locked = await lockCustomerByCode(run, customer)
      const found = await findRecoveryCodes(run, locked?.id ?? noFactor.customerId)
      const set = found ?? decoySet
      const key = await openSecret<string>(keys.factor, set, set.sealedSecret)
      const { used, known } = await useRecoveryCode(run, set.id, recoveryCodeHmac(key, code), {
        at: now(),
        customerId: set.customerId,
      })
      if (used) return 'right'
      if (!found) return 'not_enrolled'
      return known ? 'used' : 'wrong'
    })

  return {
    /** Which methods a customer can prove by (`factors.list`). @throws RekeyError unavailable */
    async list({ customer }: FactorsListRequest): Promise<FactorsListReply> {
      const { kinds = [], recoveryCodesLeft = 0 } = (await store.methodsOf(customer)) ?? {}
      return {
        methods: enrolledMethods.filter((method) => kinds.includes(kindOfMethod[method])),
        recoveryCodesLeft,
      }
    },

    /** Verifies a code and uses it up (`factors.verify`). The caller counts wrong ones. @throws RekeyError unavailable */
    async verify(proving: ProvingCode): Promise<FactorsVerifyReply> {
      const { customer, method, challengeId, purpose } = proving
      const outcome = await (method === 'totp' ? proveByTotp : proveByRecoveryCode)(proving)
      metrics.proved(method, outcome)
      const fields = { challenge: hashForLog(challengeId), customer, factor: method, purpose }
      if (outcome === 'right') log.event('authn_factor_proof', fields)
      else log.event('authn_factor_proof_fail', { reason: outcome, ...fields })
      return { isRight: outcome === 'right' }
    },
  }
}
