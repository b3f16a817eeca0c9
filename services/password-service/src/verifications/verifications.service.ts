import {
  type BeginVerificationBody,
  type BegunVerification,
  formatTime,
  noSuchResource,
  RekeyError,
  type Verification,
} from '@rekey/contracts'
import type { Logger } from '@rekey/platform/logger'
import { latestOf, verificationsOf } from '../staff/customer-proof.ts'
import { type Staff, staffForLog } from '../staff/staff.ts'
import { type BeginDeps, beginVerification } from './begin-verification.ts'
import { CodeRefused, type ConfirmDeps, confirmVerification, toAnswer } from './confirm-verification.ts'
import { offeredMethods, shownMethods } from './methods.ts'
import type { VerificationMetrics } from './verification-metrics.ts'
import { methodsOf } from './verifications.store.ts'

interface Deps extends BeginDeps, ConfirmDeps {
  keys: BeginDeps['keys'] & ConfirmDeps['keys']
  /** REKEY_STAFF_NEEDS_PROOF. */
  staffNeedsProof: boolean
  metrics: VerificationMetrics
  log: Logger
}

const isLimited = (error: unknown) => error instanceof RekeyError && error.code === 'too_many_requests'

/**
 * Verifications of customers who call the help desk (C8, C9): the agent proves to the customer who calls by two words, and the
 * customer to the agent by a code. No lockout of restore forbids them: it is what customers call for.
 */
export const createVerificationService = (deps: Deps) => {
  const { database, metrics, log, now } = deps

  /** Counts and logs a request over a quota. The customer's code is not read for it. */
  const limited = (customer: string | undefined, by: Staff) => {
    metrics.counted('none', 'limited')
    log.event('verification_fail', { ...staffForLog(by), customer, reason: 'limit' })
  }

  return {
    /** Until when this member's verification counts, and the ways to verify the customer. @throws RekeyError not_found, unavailable */
    async show(customerId: number, by: Staff): Promise<Verification> {
      const at = now()
      const oldSince = new Date(at.getTime() - deps.newAddressMs)
      const [methods, verified] = await database.query(async (tx) =>
        Promise.all([methodsOf(tx, customerId, { at, oldSince }), verificationsOf(tx, customerId, by, at)]),
      )
      if (!methods) throw noSuchResource('clientId')
      const until = latestOf(verified.values())
      return {
        required: deps.staffNeedsProof,
        ...(until && { verifiedUntil: formatTime(until) }),
        channels: shownMethods(offeredMethods(methods, deps), verified),
      }
    },

    /** C8. @throws RekeyError not_found, invalid_request, too_many_requests, unavailable */
    async begin(customerId: number, { channel }: BeginVerificationBody, by: Staff): Promise<BegunVerification> {
      try {
        const { customer, ...begun } = await beginVerification(deps, customerId, { channel, by })
        metrics.counted(begun.channel, 'begun')
        const fields = { verification: begun.id, factor: begun.channel }
        log.event('verification_begun', { ...staffForLog(by), customer, ...fields })
        return begun
      } catch (error) {
        if (isLimited(error)) limited(undefined, by)
        throw error
      }
    },

    /** C9. @throws RekeyError not_found, invalid_grant, access_denied, too_many_requests, unavailable */
    async confirm(
      customerId: number,
      { verificationId, code }: { verificationId: string; code: string | number },
      by: Staff,
    ): Promise<void> {
      try {
        const { customer, method } = await confirmVerification(deps, customerId, { verificationId, code, by })
        metrics.counted(method, 'verified')
        log.event('verification_done', { ...staffForLog(by), customer, verification: verificationId, factor: method })
      } catch (error) {
        if (isLimited(error)) limited(undefined, by)
        if (!(error instanceof CodeRefused)) throw error
        const { reason, customer, method } = error
        metrics.counted(method ?? 'none', reason === 'wrong' ? 'wrong' : 'ended')
        const fields = { verification: verificationId, factor: method, reason }
        log.event('verification_fail', { ...staffForLog(by), customer, ...fields })
        throw toAnswer(error)
      }
    },
  }
}

export type VerificationService = ReturnType<typeof createVerificationService>
