import {
  type EnrolTotpAnswer,
  type FactorList,
  type FactorOperation,
  type PasskeyAttestation,
  type PasskeyCreation,
  RekeyError,
} from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { refuseGrant, toGrant } from '../passwords/grant.ts'
import { isSessionEnded } from '../sessions/sessions.store.ts'
import { enrolPasskey, type PasskeyDeps, requestPasskeyCreation } from './enrol-passkey.ts'
import { confirmTotp, enrolTotp } from './enrol-totp.ts'
import type { FactorRequest } from './factor-grant.ts'
import { toFactor } from './factor-view.ts'
import { listFactors } from './factors.store.ts'
import { issueRecoveryCodes } from './recovery-code-sets.ts'
import { removeFactor } from './remove-factor.ts'

interface Deps extends PasskeyDeps {
  log: Logger
}

/** A request as its route has it. */
export interface FactorCall {
  bearer: TokenClaims
  /** Claims of the success token, if it is valid and for this audience. */
  grant: TokenClaims | undefined
  /** Address the request came from. */
  ip: string
}

/** The reason of a refusal for the log, without values of the request. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof RekeyError)) return 'internal'
  const { code, cause } = error
  return cause instanceof Error && (code === 'success_token_refused' || code === 'invalid_grant') ? cause.message : code
}

/**
 * What a signed-in customer does with the own factors (C1 to C6). Each needs the grant of a fresh proof; a change that
 * takes effect spends it (S57).
 */
export const createFactorService = (deps: Deps) => {
  const { log } = deps

  const toRequest = ({ bearer, grant, ip }: FactorCall): FactorRequest => ({
    bearer,
    grant: toGrant(grant, 'changeFactors', bearer.sub),
    ip,
  })

  /** Runs a change and logs its outcome. */
  const logged = async <T>(
    call: FactorCall,
    work: (request: FactorRequest) => Promise<T>,
    operationOf: (result: T) => FactorOperation | undefined,
  ): Promise<T> => {
    const { bearer, grant, ip } = call
    const fields = {
      challenge: grant?.challenge_id === undefined ? undefined : hashForLog(grant.challenge_id),
      customer: bearer.sub,
      actor: 'client' as const,
      clientId: bearer.client_id,
      address: ip,
      channel: 'api' as const,
    }
    try {
      const result = await work(toRequest(call))
      const operation = operationOf(result)
      if (operation) log.event('authn_factor_change', { ...fields, operation })
      return result
    } catch (error) {
      log.event('authn_factor_change_fail', { ...fields, reason: reasonOf(error) })
      throw error
    }
  }

  return {
    /** C1. A grant that was spent will do. @throws RekeyError invalid_token, success_token_refused, unavailable */
    async list(call: FactorCall): Promise<FactorList> {
      const { bearer, grant } = toRequest(call)
      const [factors, isEnded] = await Promise.all([
        listFactors(deps.database, bearer.sub),
        isSessionEnded(deps.database, grant.claims),
      ])
      if (isEnded) throw refuseGrant('session ended')
      const at = deps.now()
      const data = factors.map((factor) => toFactor(factor, { at, newAddressMs: deps.newAddressMs }))
      return { total: data.length, data }
    },

    /** C2. @throws RekeyError invalid_token, success_token_refused, invalid_request, unavailable */
    enrol: (call: FactorCall, label: string): Promise<EnrolTotpAnswer> =>
      logged(
        call,
        (request) => enrolTotp(deps, request, label),
        () => undefined,
      ),

    /** C3. @throws RekeyError invalid_token, success_token_refused, not_found, invalid_grant, unavailable */
    confirm: (call: FactorCall, proof: { factorId: string; code: string | number }) =>
      logged(
        call,
        (request) => confirmTotp(deps, request, proof),
        (operation) => operation,
      ),

    /** C4. @throws RekeyError invalid_token, success_token_refused, invalid_request, unavailable */
    requestPasskeyCreation: (call: FactorCall): Promise<PasskeyCreation> =>
      logged(
        call,
        (request) => requestPasskeyCreation(deps, request),
        () => undefined,
      ),

    /** C4. @throws RekeyError invalid_token, success_token_refused, invalid_grant, invalid_request, unavailable */
    enrolPasskey: (call: FactorCall, made: { label: string; credential: PasskeyAttestation }) =>
      logged(
        call,
        (request) => enrolPasskey(deps, request, made),
        ({ operation }) => operation,
      ),

    /** C5. @throws RekeyError invalid_token, success_token_refused, unavailable */
    issueCodes: (call: FactorCall) =>
      logged(
        call,
        (request) => issueRecoveryCodes(deps, request),
        ({ operation }) => operation,
      ),

    /** C6. @throws RekeyError invalid_token, success_token_refused, not_found, unavailable */
    remove: (call: FactorCall, factorId: string) =>
      logged(
        call,
        (request) => removeFactor(deps, request, factorId),
        (operation) => operation,
      ),
  }
}

export type FactorService = ReturnType<typeof createFactorService>
