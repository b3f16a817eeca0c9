import type { Purpose } from '@rekey/contracts'
import { currentSpan } from '@rekey/platform/trace'
import { accountTag, failedAttemptsKey } from '../limits/lockout.ts'
import type { Requester } from '../limits/spending.ts'
import { fieldsOf, type StoredFields, type StoredRecords } from '../stored-records/stored-records.ts'

/**
 * The flow that opened a challenge. Only the second endpoint of the flow accepts its code: A1 → A2, A4 → A5, B5b → B6,
 * B5 → B6. The flows of second proofs begin with the refusal of a grant, and end at A2 or B6.
 */
export type Flow =
  | 'oauthRestore'
  | 'oauthLogin'
  | 'brokerRestore'
  | 'brokerChange'
  | 'brokerFactors'
  | 'secondRestoreProof'
  | 'secondChangeProof'

/** True for the challenge of a second proof, whose customer is known. */
export const isSecondProof = (flow: Flow): boolean => flow === 'secondRestoreProof' || flow === 'secondChangeProof'

/** Identifies a challenge, and the failed attempts that it counts towards. */
export interface ChallengeName {
  challengeId: string
  /** Account key: HMAC of the normalised username, or of the customer if known when the challenge opens. */
  account: string
  purpose: Purpose
}

/** A challenge and the client that opened it: the content of an `mfa_token`. */
export interface ChallengeReference extends ChallengeName {
  clientId: string
  /** In a sign-in: when the password was verified. */
  provenAt?: Date | undefined
}

/** A challenge in Redis. Reveals neither the code nor, in a restore, whether the account exists. */
export interface ChallengeRecord {
  flow: Flow
  /** In a sign-in: account key of the customer; else '', because the Redis key contains it. */
  account: string
  clientId: string
  redirectUri: string
  scope: string
  /** The scope that the client requested, if `scope` is narrower; else ''. */
  requestedScope: string
  state: string
  /** The devices that a code may be sent to (oob:email:b*1@gmail.com). */
  devices: string[]
  /** The device that the last code was sent to. */
  device: string
  /** Username sealed for the password-service, if the customer is not known. */
  sealedUsername: string
  /** In a sign-in: account key of the username; else ''. */
  usernameAccount: string
  /** The customer's code, once a password or a bearer token has proven it; else ''. */
  customer: string
  /** In a change: the session of the request; else ''. */
  sessionId: string
  /** Decimal. In a change: the epoch of that session; in a sign-in: the customer's, when the password was verified; else ''. */
  sessionEpoch: string
  verificationCode: string
  /** RFC 7636 S256 challenge of the first request; '' if it had none. */
  codeChallenge: string
}

/** An open challenge, as the caller may see it. */
export interface OpenChallenge extends ChallengeReference {
  device: string
  verificationCode: string
  state: string
  expiresAt: Date
}

/** Where a request came from. */
export interface Caller {
  /** The client's address, as the gateway sees it. */
  address: string
  /** The user's address, as the client states it. */
  assertedIp?: string | undefined
  /** The address that rate limits count, if it is not `address`: see clients/client-asserted-ip.ts. */
  countedAddress?: string
}

export const requesterOf = (
  { address, countedAddress = address }: Caller,
  { clientId, account }: { clientId: string; account: string },
): Required<Requester> => ({ address: countedAddress, clientId, account })

export const challengeKey = ({ account, challengeId }: ChallengeName) =>
  `${accountTag(account)}:challenge:${challengeId}`

/** The keys that a script uses: the challenge, and the failed attempts of its account. */
export const keysOf = (name: ChallengeName) => [challengeKey(name), failedAttemptsKey(name.account, name.purpose)]

/**
 * A caller of a restore must not learn of the lockout (S11), so its code is suppressed; any other request is refused, as is
 * that for the code of a second proof: its caller has given the first.
 */
export const onLockout = ({ purpose, isSecond = false }: { purpose: Purpose; isSecond?: boolean }) =>
  purpose === 'restore' && !isSecond ? 'suppress' : 'refuse'

/** The fields that no step changes. Tokens are made from them, and codes are published for the customer that they name. */
const constantFields = [
  'flow',
  'account',
  'clientId',
  'redirectUri',
  'scope',
  'requestedScope',
  'state',
  'devices',
  'sealedUsername',
  'usernameAccount',
  'customer',
  'sessionId',
  'sessionEpoch',
  'codeChallenge',
] as const satisfies readonly (keyof ChallengeRecord)[]

/** Writes and reads challenges as Redis stores them, with an HMAC of their constant fields and their purpose (S40). */
export const createChallengeRecords = (records: Pick<StoredRecords, 'ofKind'>) => {
  const authentic = records.ofKind('challenge', ['purpose', ...constantFields] as const)
  return {
    /** The fields of a new challenge, without those that are empty or that only `send` sets. */
    toFields(name: ChallengeName, { device: _, verificationCode: __, devices, ...challenge }: ChallengeRecord) {
      const all = Object.entries({ ...challenge, devices: devices.join('\n') })
      // send.lua compares the state, also an empty one.
      const fields: StoredFields = Object.fromEntries(all.filter(([field, value]) => value !== '' || field === 'state'))
      return { ...fields, mac: authentic.sign(challengeKey(name), { ...fields, purpose: name.purpose }) }
    },

    /** @throws RekeyError invalid_grant if the gateway did not write the record so */
    read(name: ChallengeName, flat: readonly string[]): ChallengeRecord {
      const fields = fieldsOf(flat)
      const { device = '', verificationCode = '', mac } = fields
      // The trace of the request that opened the challenge. No token is made from it, so the HMAC does not cover it.
      currentSpan()?.link(fields.trace)
      const constant = authentic.open(challengeKey(name), { ...fields, purpose: name.purpose }, mac)
      const { flow, devices } = constant
      return { ...constant, flow: flow as Flow, devices: devices.split('\n'), device, verificationCode }
    },
  }
}

export type ChallengeRecords = ReturnType<typeof createChallengeRecords>
