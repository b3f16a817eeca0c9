import type { PasskeyAssertion, PasskeyAttestation } from '@rekey/contracts'
import type { RelyingParty } from '@rekey/platform/relying-party'
import { verifyAuthenticationResponse, verifyRegistrationResponse } from '@simplewebauthn/server'
import { decodeAttestationObject, decodeClientDataJSON, isoCBOR } from '@simplewebauthn/server/helpers'
import { algorithms } from '../factor-secrets/cose-key.ts'

/** Why a credential is refused. */
export type Refusal = 'wrong' | 'late' | 'other_origin' | 'unverified'

/** User verified (WebAuthn L3 §6.1). */
const userVerifiedFlag = 0x04
const flagsAt = 32

interface ClientData {
  challenge: string
  origin: string
  isEmbedded: boolean
}

/** Undefined for a text that is none. */
const clientDataOf = (json: string): ClientData | undefined => {
  try {
    const { challenge, origin, crossOrigin, topOrigin } = decodeClientDataJSON(json)
    const isEmbedded = crossOrigin === true || topOrigin !== undefined
    return typeof challenge === 'string' && typeof origin === 'string' ? { challenge, origin, isEmbedded } : undefined
  } catch {
    return undefined
  }
}

/** The challenge that was signed, if a page of ours asked: no page of ours is embedded in one of another site. */
export const signedChallenge = (clientDataJson: string, { origins }: RelyingParty): { challenge: string } | Refusal => {
  const data = clientDataOf(clientDataJson)
  if (!data) return 'wrong'
  return data.isEmbedded || !origins.includes(data.origin) ? 'other_origin' : { challenge: data.challenge }
}

const isUserVerified = (authenticatorData: Uint8Array): boolean =>
  ((authenticatorData[flagsAt] ?? 0) & userVerifiedFlag) !== 0

type Cbor = Parameters<typeof isoCBOR.encode>[0]

/**
 * The attestation object without its statement, which we asked not to get. The library would verify one, and request
 * revocation lists from the URLs that its certificates name.
 */
const withoutStatement = (attestationObject: string) => {
  const object = decodeAttestationObject(new Uint8Array(Buffer.from(attestationObject, 'base64url')))
  const authData = object.get('authData')
  const none = new Map<string | number, Cbor>([
    ['fmt', 'none'],
    ['attStmt', new Map()],
    ['authData', authData],
  ])
  return { authData, attestationObject: Buffer.from(isoCBOR.encode(none)).toString('base64url') }
}

/** A new credential. */
export interface Registered {
  credentialId: string
  /** COSE_Key in base64url. */
  publicKey: string
  counter: number
  isBackupEligible: boolean
  isBackedUp: boolean
  aaguid: string
}

/** Verifies a new credential, but for its challenge (WebAuthn L3 §7.1). */
export const verifyAttestation = async (
  { id, rawId, type, response: { clientDataJSON, attestationObject } }: PasskeyAttestation,
  { challenge, party }: { challenge: string; party: RelyingParty },
): Promise<Registered | Refusal> => {
  try {
    const object = withoutStatement(attestationObject)
    if (!isUserVerified(object.authData)) return 'unverified'
    const { registrationInfo } = await verifyRegistrationResponse({
      response: {
        id,
        rawId,
        type,
        response: { clientDataJSON, attestationObject: object.attestationObject },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      supportedAlgorithmIDs: algorithms,
    })
    if (!registrationInfo || registrationInfo.credential.id !== id) return 'wrong'
    const { credential, credentialDeviceType, credentialBackedUp, aaguid } = registrationInfo
    return {
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      isBackupEligible: credentialDeviceType === 'multiDevice',
      isBackedUp: credentialBackedUp,
      aaguid,
    }
  } catch {
    // The library throws for everything that does not fit, CBOR and keys included.
    return 'wrong'
  }
}

/** A right assertion. */
export interface Asserted {
  counter: number
  isBackupEligible: boolean
  isBackedUp: boolean
}

/** Verifies an assertion, but for its challenge and its counter (WebAuthn L3 §7.2). @param publicKey in base64url */
export const verifyAssertion = async (
  { id, rawId, type, response }: PasskeyAssertion,
  { challenge, party, publicKey }: { challenge: string; party: RelyingParty; publicKey: string },
): Promise<Asserted | Refusal> => {
  const { clientDataJSON, authenticatorData, signature } = response
  try {
    if (!isUserVerified(Buffer.from(authenticatorData, 'base64url'))) return 'unverified'
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: {
        id,
        rawId,
        type,
        response: { clientDataJSON, authenticatorData, signature },
        clientExtensionResults: {},
      },
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      // 0: the counter is judged with the lock of the customer, and not of a passkey that is backed up.
      credential: { id, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')), counter: 0 },
    })
    if (!verified) return 'wrong'
    const { newCounter, credentialDeviceType, credentialBackedUp } = authenticationInfo
    return {
      counter: newCounter,
      isBackupEligible: credentialDeviceType === 'multiDevice',
      isBackedUp: credentialBackedUp,
    }
  } catch {
    return 'wrong'
  }
}
