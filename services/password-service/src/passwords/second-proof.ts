import {
  type Address,
  audiences,
  challengeType,
  type EnrolledMethod,
  enrolledChallengeTypes,
  enrolledMethods,
  grantSeconds,
  kindOfMethod,
  type Proof,
  type ProofMethod,
  RekeyError,
  type RestoreProofs,
  type SecondProof,
  secondProofKey,
  stricterProofs,
} from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { deriveKeys, hmac, type Keys } from '@rekey/platform/keys'
import { counter, type Metrics } from '@rekey/platform/metrics'
import { seal } from '@rekey/platform/seal'
import { keepRestore } from '../customers/restore-requests.ts'
import type { Database } from '../database.ts'
import { formatEnd, isOpen, maySetPassword } from '../waiting-restores/waiting-restore.ts'
import type { WaitingNow } from '../waiting-restores/waiting-restores.store.ts'
import type { Grant } from './grant.ts'

/** What decides which proofs a customer can give. */
export interface ProofStanding {
  /** Kinds of factors in force. */
  factorKinds: string[]
  /** Those of them of which all factors are young. */
  youngFactorKinds: string[]
  /** Confirmed ones: e-mail before phone, the oldest first. */
  addresses: Address[]
  /** The restore of the customer that waits. */
  waiting: WaitingNow | undefined
}

/** Why a grant has enough proofs. waited: it has one of two, and the customer's restore has waited. */
export type ProofBasis = 'proven' | 'waited' | 'too_few'
export type EnoughProofs = Exclude<ProofBasis, 'too_few'>

interface Deps {
  database: Database
  keys: { username: Keys }
  /** The rule of this installation. */
  restoreProofs: RestoreProofs
  /** False if no message reaches a phone number. */
  smsCodes: boolean
  /** How long a restore waits whose customer gives one proof; 0: it does not help to wait. */
  waitMs: number
  metrics: Metrics
  now: Now
}

/** As long as a code lives at most: the customer may have to look for a phone. */
const lifeMs = 600_000

const methodOfKind = { email: 'email', phone: 'sms' } as const satisfies Record<Address['kind'], ProofMethod>

/** The methods that a customer has, the enrolled ones apart. */
const methodsOf = ({ factorKinds, addresses }: ProofStanding, smsCodes: boolean) => ({
  enrolled: enrolledMethods.filter((method) => factorKinds.includes(kindOfMethod[method])),
  sent: [...new Set(addresses.map(({ kind }) => methodOfKind[kind]))].filter((method) => smsCodes || method !== 'sms'),
})

/**
 * The young methods that prove nothing, because the customer has two methods without them (S57): whoever has taken one
 * method over may have enrolled them with it. A customer without another second method uses a young one.
 */
const tooYoung = (standing: ProofStanding, smsCodes: boolean): EnrolledMethod[] => {
  const { enrolled, sent } = methodsOf(standing, smsCodes)
  const young = enrolled.filter((method) => standing.youngFactorKinds.includes(kindOfMethod[method]))
  return enrolled.length - young.length + sent.length > 1 ? young : []
}

/** True if one of the proofs is by a method that is young. */
export const isByYoungMethod = (
  { proofs = [] }: Grant,
  { youngFactorKinds }: Pick<ProofStanding, 'youngFactorKinds'>,
) =>
  enrolledMethods.some(
    (method) => youngFactorKinds.includes(kindOfMethod[method]) && proofs.some((proof) => proof.method === method),
  )

/** The proofs of a grant. That of a change's code, and of a gateway of the version before, follows from the channel. */
const proofsOf = (
  grant: Grant,
  { addresses }: ProofStanding,
  restoreKind: Address['kind'] | null | undefined,
): Proof[] => {
  if (grant.proofs) return grant.proofs
  const kind = grant.purpose === 'restore' ? restoreKind : addresses[0]?.kind
  return kind ? [{ method: methodOfKind[kind], at: Math.floor(grant.provenAt.getTime() / 1_000) }] : []
}

/** A UUID (RFC 9562 §5.8) of a challenge that follows from another one's. */
const derivedId = (keys: Keys, challengeId: string): string => {
  const bytes = Buffer.from(hmac(keys.current, challengeId), 'base64url').subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/**
 * Decides whether a grant has the proofs that its customer must give (S23, S53), and opens the way to a second one. Two
 * proofs are independent if their methods differ. A change has a session besides its code, so that the rule `two` asks
 * no second method of a customer who has one only.
 */
export const createSecondProofs = ({ database, keys, restoreProofs, smsCodes, waitMs, metrics, now }: Deps) => {
  const sealKeys = deriveKeys(keys.username, secondProofKey)
  const required = counter(metrics, {
    name: 'rekey_second_proofs_required_total',
    help: 'New passwords that wait for a second proof, by what it is for. none: the customer has no other method',
    labels: { purpose: ['restore', 'change'], result: ['asked', 'none'] },
  })

  const isRequired = ({ purpose, restoreProofs: ofClient = 'one' }: Grant, standing: ProofStanding): boolean => {
    const { enrolled, sent } = methodsOf(standing, smsCodes)
    const rule = stricterProofs(restoreProofs, ofClient)
    if (rule === 'one') return false
    if (rule === 'enrolled') return enrolled.length > 0
    return (rule === 'two' && purpose === 'restore') || enrolled.length + sent.length > 1
  }

  /** True if the grant is of a restore by one proof, after the wait that its customer began by the same method. */
  const hasWaited = (
    { purpose, challengeId }: Grant,
    { waiting }: ProofStanding,
    restoreKind?: Address['kind'] | null,
  ): boolean => {
    if (purpose !== 'restore' || !waiting || !restoreKind) return false
    return maySetPassword(waiting.restore, { kind: restoreKind, challengeId, at: waiting.at })
  }

  const basisOf = (grant: Grant, standing: ProofStanding, restoreKind?: Address['kind'] | null): ProofBasis => {
    // The access token of a sign-in with a password that must be changed: password and second factor are two proofs.
    if (grant.purpose === 'change' && grant.claims.aud.includes(audiences.api)) return 'proven'
    if (!isRequired(grant, standing)) return 'proven'
    const given = new Set<ProofMethod>(proofsOf(grant, standing, restoreKind).map(({ method }) => method))
    for (const method of tooYoung(standing, smsCodes)) given.delete(method)
    if (given.size > 1) return 'proven'
    return hasWaited(grant, standing, restoreKind) ? 'waited' : 'too_few'
  }

  /** The end of the wait of the customer's restore, if this grant's method began it. */
  const waitsUntil = ({ waiting }: ProofStanding, restoreKind?: Address['kind'] | null) =>
    waiting && waiting.restore.kind === restoreKind && isOpen(waiting.restore, waiting.at)
      ? { waitsUntil: formatEnd(waiting.restore.endsAt) }
      : {}

  /** The values of `challenge_type` that remain, the customer's best first. */
  const remaining = (standing: ProofStanding, proofs: readonly Proof[]): string[] => {
    const given = new Set<ProofMethod>([...proofs.map(({ method }) => method), ...tooYoung(standing, smsCodes)])
    const { enrolled, sent } = methodsOf(standing, smsCodes)
    const devices = standing.addresses
      .filter(({ kind }) => sent.includes(methodOfKind[kind]) && !given.has(methodOfKind[kind]))
      .toReversed()
      .map(challengeType)
    const ofEnrolled = (method: EnrolledMethod) =>
      enrolled.includes(method) && !given.has(method) ? [enrolledChallengeTypes[method]] : []
    return [...ofEnrolled('passkey'), ...ofEnrolled('totp'), ...new Set(devices), ...ofEnrolled('recovery_code')]
  }

  return {
    basisOf,

    /**
     * The refusal of a grant with too few proofs: names the ways to give another one. The restore is kept until the
     * second proof and its grant have expired.
     *
     * @throws RekeyError unavailable
     */
    async refuse(
      grant: Grant,
      { code: customer, ...standing }: ProofStanding & { code: string },
      restoreKind?: Address['kind'] | null,
    ): Promise<RekeyError> {
      const { challengeId, subject, clientId, claims } = grant
      const purpose = grant.purpose === 'restore' ? 'restore' : 'change'
      const proofs = proofsOf(grant, standing, restoreKind)
      const challengeTypes = remaining(standing, proofs)
      if (challengeTypes.length === 0) {
        required.inc({ purpose, result: 'none' })
        const detail = 'A second proof is required, and the customer has no other method. The staff can help.'
        return new RekeyError('second_proof_required', { detail, secondProof: { challengeTypes } })
      }
      const expiresAt = now().getTime() + lifeMs
      if (purpose === 'restore') await keepRestore(database, challengeId, new Date(expiresAt + grantSeconds * 1_000))
      required.inc({ purpose, result: 'asked' })
      const { scope, sid: sessionId, session_epoch: sessionEpoch } = claims
      const proof: SecondProof = {
        challengeId: derivedId(sealKeys, challengeId),
        customer,
        purpose,
        grant: {
          challengeId,
          subject,
          clientId,
          scope,
          sessionId,
          ...(sessionEpoch !== undefined && { sessionEpoch }),
        },
        proofs,
        challengeTypes,
        expiresAt,
        ...(purpose === 'restore' && waitMs > 0 && { mayWait: true }),
      }
      return new RekeyError('second_proof_required', {
        secondProof: {
          mfaToken: seal(sealKeys, secondProofKey, proof),
          challengeTypes,
          ...(purpose === 'restore' && waitsUntil(standing, restoreKind)),
        },
      })
    },
  }
}

export type SecondProofs = ReturnType<typeof createSecondProofs>
