import { Type } from '@sinclair/typebox'
import { OneOf, Time } from './fields.ts'
import type { PasskeyKey } from './passkeys.ts'
import type { EnrolledMethod } from './rpc/factors.ts'

/** Ways to prove who one is besides the password. Two proofs are independent if their methods differ. */
export const proofMethods = ['email', 'sms', 'passkey', 'totp', 'recovery_code'] as const
export type ProofMethod = (typeof proofMethods)[number]

/** A proof that a customer gave. */
export interface Proof {
  method: ProofMethod
  /** When it was submitted, in seconds since 1970. */
  at: number
  /** Only of a passkey: how its key is kept. */
  key?: PasskeyKey
}

/** Which restores need a second proof, the weakest rule first (docs/contracts.md). */
export const restoreProofs = ['one', 'enrolled', 'known', 'two'] as const
export type RestoreProofs = (typeof restoreProofs)[number]
export const RestoreProofs = OneOf(restoreProofs)

/** The stricter of two rules. */
export const stricterProofs = (one: RestoreProofs, other: RestoreProofs): RestoreProofs =>
  restoreProofs.indexOf(one) < restoreProofs.indexOf(other) ? other : one

/** Name of an enrolled method among the values of `challenge_type`. */
export const enrolledChallengeTypes = {
  passkey: 'webauthn',
  totp: 'otp',
  recovery_code: 'recovery_code',
} as const satisfies Record<EnrolledMethod, string>

/** The kind of the factor that a method proves. */
export const kindOfMethod = {
  passkey: 'passkey',
  totp: 'totp',
  recovery_code: 'recovery_codes',
} as const satisfies Record<EnrolledMethod, string>

/** The method of a `challenge_type`; undefined for one that this version does not know. */
export const methodOfChallengeType = (type: string): ProofMethod | undefined => {
  const enrolled = Object.entries(enrolledChallengeTypes).find(([, value]) => value === type)
  if (enrolled) return enrolled[0] as EnrolledMethod
  if (type.startsWith('oob:email')) return 'email'
  return type.startsWith('oob:sms') ? 'sms' : undefined
}

/** True for a method that the password-service verifies; a code of the others was sent by a message. */
export const isEnrolledMethod = (method: ProofMethod): method is EnrolledMethod =>
  Object.hasOwn(enrolledChallengeTypes, method)

/**
 * Values of `amr` (RFC 8176 §2) for proofs. The registry has none for e-mail, which is another channel (`mca`) and no
 * possession (NIST SP 800-63B-4 §3.1.3.1), nor for recovery codes. A passkey is `hwk` or `swk`. `mfa`: two methods, of which
 * neither is e-mail.
 */
export const amrOf = (proofs: readonly { method: ProofMethod | 'password'; key?: PasskeyKey }[]): string[] => {
  const values = {
    password: ['pwd'],
    email: ['mca'],
    sms: ['sms'],
    passkey: [],
    totp: ['otp'],
    recovery_code: [],
  } as const
  const factors = new Set(proofs.map(({ method }) => method).filter((method) => method !== 'email'))
  return [
    ...new Set(proofs.flatMap(({ method, key }): readonly string[] => (key ? [key] : values[method]))),
    ...(factors.size > 1 ? ['mfa'] : []),
  ]
}

/**
 * Content of the token of a second proof. The password-service seals it for the gateway, under a key that both derive
 * from REKEY_USERNAME_SEAL_KEY: its holder can neither read nor change it.
 */
export interface SecondProof {
  /** The second challenge: the same for each token of one grant, so that five wrong codes end all of them. */
  challengeId: string
  customer: string
  purpose: 'restore' | 'change'
  /** The grant that needs the second proof. */
  grant: {
    challengeId: string
    /** Token subject: the challenge in a restore, the customer in a change. */
    subject: string
    clientId: string
    scope: string
    sessionId: string
    sessionEpoch?: number
  }
  /** Proofs that were given. */
  proofs: Proof[]
  /** Values of `challenge_type` that remain. */
  challengeTypes: string[]
  /** ms since 1970. */
  expiresAt: number
  /** The value that was chosen at A4b. */
  chosen?: string
  /** True if the customer may open a waiting restore instead. Absent in tokens of earlier versions. */
  mayWait?: boolean
}

/** Key derivation and context of the sealed token. */
export const secondProofKey = 'second proof'

const ChallengeTypes = Type.Array(Type.String(), {
  description:
    'Ways to give the second proof, masked: webauthn, otp, oob:email:…, oob:sms:…, recovery_code. Empty: the customer has none, and needs the staff.',
  examples: [['otp', 'oob:sms:+44*******01', 'recovery_code']],
})

const WaitsUntil = {
  ...Time,
  description:
    'Until then a waiting restore by this method sets no password: restore again by the same method afterwards. Absent: none waits.',
}

/** Fields of the OAuth error `mfa_required`: the shape of the answer of A4. */
export const oauthSecondProof = {
  challenge_type: Type.Optional(ChallengeTypes),
  binding_method: Type.Optional(Type.Literal('prompt')),
  mfa_token: Type.Optional(Type.String({ description: 'With mfa_required: names the second challenge.' })),
  waits_until: Type.Optional(WaitsUntil),
}

/** Fields of the problem `second_proof_required`. */
export const problemSecondProof = {
  mfaToken: Type.Optional(Type.String({ description: 'With second_proof_required: names the second challenge.' })),
  challengeTypes: Type.Optional(ChallengeTypes),
  waitsUntil: Type.Optional(WaitsUntil),
}
