import {
  type Factor,
  type FactorOperation,
  maskAddress,
  mostPasskeys,
  type PasskeyAttestation,
  type PasskeyCreation,
  RekeyError,
} from '@rekey/contracts'
import type { RelyingParty } from '@rekey/platform/relying-party'
import { confirmedAddresses } from '../customers/confirmed-addresses.ts'
import type { Transaction } from '../database.ts'
import { algorithms } from '../factor-secrets/cose-key.ts'
import { sealSecret } from '../factor-secrets/factor-secret.ts'
import type { FactorDeps } from './enrol-totp.ts'
import { addFactorEvents } from './factor-events.ts'
import { assertUnspent, type FactorRequest, lockForChange, spendGrant } from './factor-grant.ts'
import { toFactor } from './factor-view.ts'
import { writeFactorKinds } from './factors.store.ts'
import { type PasskeyChallenges, passkeyChallengeMs, userHandleOf } from './passkey-challenges.ts'
import { addPasskey, type ListedPasskey, listPasskeys } from './passkeys.store.ts'
import { signedChallenge, verifyAttestation } from './webauthn.ts'

export interface PasskeyDeps extends FactorDeps {
  passkeyChallenges: PasskeyChallenges
  party: RelyingParty
}

const assertRoom = async (tx: Transaction, customerId: number): Promise<void> => {
  const count = await tx.factor.count({ where: { customerId, kind: 'passkey' } })
  if (count < mostPasskeys) return
  throw new RekeyError('invalid_request', { detail: `The customer has ${mostPasskeys} passkeys: remove one first.` })
}

const useOf = ({ bearer, grant }: FactorRequest) => ({
  ceremony: 'enrol' as const,
  customer: bearer.sub,
  challengeId: grant.challengeId,
})

/** The passkeys as a list of options (WebAuthn L3 §5.8.3). */
export const descriptorsOf = (passkeys: readonly ListedPasskey[]) =>
  passkeys.map(({ credentialId: id, transports }) => ({
    id,
    type: 'public-key' as const,
    ...(transports.length > 0 && { transports }),
  }))

/**
 * Begins to enrol a passkey (C4): options for the browser. Nothing is stored.
 *
 * @throws RekeyError invalid_token, success_token_refused, invalid_request, unavailable
 */
export const requestPasskeyCreation = async (deps: PasskeyDeps, request: FactorRequest): Promise<PasskeyCreation> => {
  const { database, brand, party, passkeyChallenges } = deps
  const account = await database.transaction(async (tx) => {
    const customer = await lockForChange(tx, request)
    await assertUnspent(tx, request.grant)
    await assertRoom(tx, customer.id)
    const [address] = await confirmedAddresses(tx, customer.id)
    return address ? maskAddress(address) : customer.code
  })
  const enrolled = await listPasskeys(database, request.bearer.sub)
  const challenge = passkeyChallenges.make(useOf(request))
  return {
    rp: { id: party.id, name: brand },
    user: {
      id:
        enrolled.find(({ userHandle }) => userHandle !== null)?.userHandle ??
        userHandleOf(challenge).toString('base64url'),
      name: account,
      displayName: account,
    },
    challenge: challenge.toString('base64url'),
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key', alg })),
    timeout: passkeyChallengeMs,
    excludeCredentials: descriptorsOf(enrolled),
    authenticatorSelection: { residentKey: 'preferred', requireResidentKey: false, userVerification: 'required' },
    attestation: 'none',
  }
}

/** Verifies a new credential of a request. @throws RekeyError invalid_grant */
const verified = async (
  { party, passkeyChallenges }: PasskeyDeps,
  request: FactorRequest,
  made: PasskeyAttestation,
) => {
  const signed = signedChallenge(made.response.clientDataJSON, party)
  if (typeof signed === 'string') throw new RekeyError('invalid_grant', { cause: new Error(signed) })
  const { challenge } = signed
  const own = passkeyChallenges.read(challenge, useOf(request))
  if (typeof own === 'string') throw new RekeyError('invalid_grant', { cause: new Error(own) })
  const registered = await verifyAttestation(made, { challenge, party })
  if (typeof registered === 'string') throw new RekeyError('invalid_grant', { cause: new Error(registered) })
  return { registered, userHandle: userHandleOf(Buffer.from(challenge, 'base64url')).toString('base64url') }
}

/**
 * Enrols a passkey (C4). Its challenge is of the grant, which is spent with it: it is right once. A credential that is
 * refused spends nothing.
 *
 * @throws RekeyError invalid_token, success_token_refused, invalid_grant, invalid_request, unavailable
 */
export const enrolPasskey = async (
  deps: PasskeyDeps,
  request: FactorRequest,
  { label, credential }: { label: string; credential: PasskeyAttestation },
): Promise<{ factor: Factor; operation: FactorOperation }> => {
  const { database, keys, now, random, newAddressMs } = deps
  const { registered, userHandle } = await verified(deps, request, credential)
  const id = random.id()
  return database.transaction(async (tx) => {
    const at = now()
    const customer = await lockForChange(tx, request)
    await spendGrant(tx, request.grant)
    await assertRoom(tx, customer.id)
    const earlier = await tx.passkey.findFirst({
      where: { factor: { customerId: customer.id }, userHandle: { not: null } },
    })
    const owner = { id, customerId: customer.id }
    const secret = sealSecret(keys.factor, owner, registered.publicKey)
    const factor = { ...owner, kind: 'passkey' as const, label: label.trim(), createdAt: at, confirmedAt: at }
    await tx.factor.create({ data: { ...factor, ...secret } })
    const { transports = [] } = credential.response
    await addPasskey(tx, id, registered, { transports, userHandle: earlier?.userHandle ?? userHandle })
    await writeFactorKinds(tx, customer.id)
    const operation = 'passkey_added' as const
    await addFactorEvents(tx, deps, customer, request, { operation, factorId: id, at })
    return { factor: toFactor({ ...factor, lastUsedAt: null, codesLeft: 0 }, { at, newAddressMs }), operation }
  })
}
