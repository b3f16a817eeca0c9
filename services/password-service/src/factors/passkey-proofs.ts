import type {
  RequestPasskeyReply,
  RequestPasskeyRequest,
  VerifyPasskeyReply,
  VerifyPasskeyRequest,
} from '@rekey/contracts'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import { type LockedCustomer, lockCustomerByCode } from '../customers/lock.ts'
import type { Transaction } from '../database.ts'
import { openSecret } from '../factor-secrets/factor-secret.ts'
import { descriptorsOf, type PasskeyDeps } from './enrol-passkey.ts'
import { addCloneEvents } from './factor-events.ts'
import { writeFactorKinds } from './factors.store.ts'
import { type OwnChallenge, passkeyChallengeMs } from './passkey-challenges.ts'
import { findPasskey, listPasskeys, type ProvingPasskey, takePasskey } from './passkeys.store.ts'
import type { ProofMetrics, ProofOutcome } from './proof-metrics.ts'
import { type Asserted, signedChallenge, verifyAssertion } from './webauthn.ts'

interface Deps extends PasskeyDeps {
  log: Logger
  metrics: ProofMetrics
}

interface Right {
  passkey: ProvingPasskey
  own: OwnChallenge
  asserted: Asserted
}

const useOf = ({ customer, challengeId }: RequestPasskeyRequest) => ({
  ceremony: 'prove' as const,
  customer,
  challengeId,
})

/**
 * Second proofs by passkeys (WebAuthn L3 §7.2). A customer has a challenge for one only after a first proof, so the time
 * of an answer need not hide who has which.
 */
export const createPasskeyProofs = (deps: Deps) => {
  const { database, keys, party, passkeyChallenges, now, log, metrics } = deps

  const verify = async (request: VerifyPasskeyRequest): Promise<Right | ProofOutcome> => {
    const { customer, credential } = request
    const passkey = await findPasskey(database, customer, credential.id)
    if (!passkey) return 'not_enrolled'
    const signed = signedChallenge(credential.response.clientDataJSON, party)
    if (typeof signed === 'string') return signed
    const own = passkeyChallenges.read(signed.challenge, useOf(request))
    if (typeof own === 'string') return own === 'late' ? own : 'wrong'
    const publicKey = await openSecret<string>(keys.factor, passkey, passkey.sealedSecret)
    const asserted = await verifyAssertion(credential, { ...signed, party, publicKey })
    if (typeof asserted === 'string') return asserted
    const { userHandle } = credential.response
    // Neither is known of an imported passkey, until its first use says whether it may be backed up.
    const isOther = typeof userHandle === 'string' && userHandle !== (passkey.userHandle ?? userHandle)
    if (isOther || asserted.isBackupEligible !== (passkey.isBackupEligible ?? asserted.isBackupEligible)) return 'wrong'
    return { passkey, own, asserted }
  }

  /** Ends a passkey whose counter went back: another authenticator has its key (WebAuthn L3 §6.1.1). */
  const endClone = async (
    tx: Transaction,
    customer: LockedCustomer,
    factorId: string,
    { clientId, ip }: VerifyPasskeyRequest,
  ): Promise<ProofOutcome> => {
    const { count } = await tx.factor.deleteMany({ where: { id: factorId } })
    // Removed since it was read.
    if (count === 0) return 'not_enrolled'
    await writeFactorKinds(tx, customer.id)
    await addCloneEvents(tx, deps, customer, { factorId, clientId, ip, at: now() })
    return 'cloned'
  }

  /** Uses up the challenge, and takes the counter: of parallel equal assertions one is right. */
  const use = (request: VerifyPasskeyRequest, { passkey, own, asserted }: Right): Promise<ProofOutcome> =>
    database.transaction(async (tx) => {
      const customer = await lockCustomerByCode(tx, request.customer)
      if (!customer) return 'not_enrolled'
      const spent = { jti: own.id, expiresAt: own.expiresAt }
      const { count } = await tx.spentToken.createMany({ data: [spent], skipDuplicates: true })
      // Before the counter: a repeated assertion is no clone.
      if (count === 0) return 'used'
      if (await takePasskey(tx, passkey.id, asserted, now())) return 'right'
      return endClone(tx, customer, passkey.id, request)
    })

  return {
    /** Makes the request for an assertion (`factors.request-passkey`). @throws RekeyError unavailable */
    async request(request: RequestPasskeyRequest): Promise<RequestPasskeyReply> {
      const passkeys = await listPasskeys(database, request.customer)
      if (passkeys.length === 0) return {}
      return {
        publicKey: {
          challenge: passkeyChallenges.make(useOf(request)).toString('base64url'),
          timeout: passkeyChallengeMs,
          rpId: party.id,
          allowCredentials: descriptorsOf(passkeys),
          userVerification: 'required',
        },
      }
    },

    /** Verifies an assertion and uses it up (`factors.verify-passkey`). The caller counts wrong ones. @throws RekeyError unavailable */
    async verify(request: VerifyPasskeyRequest): Promise<VerifyPasskeyReply> {
      const verified = await verify(request)
      const outcome = typeof verified === 'string' ? verified : await use(request, verified)
      metrics.proved('passkey', outcome)
      const { customer, challengeId, purpose } = request
      const fields = { challenge: hashForLog(challengeId), customer, factor: 'passkey' as const, purpose }
      if (outcome !== 'right' || typeof verified === 'string') {
        if (outcome !== 'right') log.event('authn_factor_proof_fail', { reason: outcome, ...fields })
        return { isRight: false }
      }
      log.event('authn_factor_proof', fields)
      return { isRight: true, key: verified.asserted.isBackupEligible ? 'swk' : 'hwk' }
    },
  }
}
