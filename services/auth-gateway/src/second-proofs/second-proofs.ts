import {
  enrolledChallengeTypes,
  type PasskeyRequest,
  type Proof,
  RekeyError,
  type SecondProof,
  unavailableProof,
  WaitingRestoreOpen,
} from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { callRpc } from '@rekey/platform/rpc'
import type { Caller, OpenChallenge } from '../challenges/challenge.ts'
import type { Challenges } from '../challenges/challenges.ts'
import type { Submitted } from '../challenges/compare.ts'
import { secondProofFlows } from '../challenges/open-second-proof.ts'
import type { Limits } from '../limits/limits.ts'
import type { TokenSubject } from '../tokens/issue-token.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { OwnWays } from './own-ways.ts'

interface Deps {
  challenges: Challenges
  ownWays: OwnWays
  tokens: Tokens
  broker: Broker
  limits: Pick<Limits, 'spendToken'>
}

/** A way to give a second proof that was chosen. */
export interface Chosen {
  /** The token of the next step. */
  token: string
  /** The code that was sent; undefined for an enrolled method. */
  sent: OpenChallenge | undefined
  /** Only of a passkey. */
  publicKey?: PasskeyRequest | undefined
}

/** A restore that waits. */
export interface Waits {
  waitsUntil: string
  timezone: string
}

/** The subject of a grant that both proofs led to. */
export type ProvenTwice = TokenSubject & {
  flow: 'restore' | 'change'
  challengeId: string
  proofs: Proof[]
  answeredAt: Date
}

/** True for a way that no message is sent for. */
export const isOwnWay = (challengeType: string): boolean =>
  Object.values<string>(enrolledChallengeTypes).includes(challengeType)

const refusals = {
  off: () =>
    new RekeyError('invalid_request', {
      detail: `challenge_type ${unavailableProof} is not on offer.`,
      fields: [{ field: 'challenge_type', code: 'not_allowed', message: 'is not on offer' }],
    }),
  grant: () => new RekeyError('invalid_grant'),
  other_method: () => new RekeyError('access_denied', { detail: 'A restore by another method waits already.' }),
  vetoed: () =>
    new RekeyError('access_denied', { detail: 'A waiting restore was vetoed a short while ago. The staff can help.' }),
}

/**
 * Second proofs of restores and changes. The password-service refuses a grant with too few proofs and gives out a sealed
 * token; this service opens its challenge and makes the grant with both proofs (docs/adr/0014).
 */
export const createSecondProofs = ({ challenges, ownWays, tokens, broker, limits }: Deps) => ({
  /**
   * A4b: chooses how to give the second proof. Sends a code to a device.
   *
   * @throws RekeyError as Challenges.send, and OwnWays.choose
   */
  async choose(second: SecondProof, challengeType: string, caller: Caller): Promise<Chosen> {
    const name = await challenges.openSecondProof(second)
    const token = tokens.sealSecondProof({ ...second, chosen: challengeType })
    if (isOwnWay(challengeType)) {
      return { token, sent: undefined, publicKey: await ownWays.choose(name, '', challengeType, caller) }
    }
    return { token, sent: await challenges.send(name, '', challengeType, caller, { isSecond: true }) }
  },

  /**
   * A4b with `unavailable`: the customer cannot give the second proof, and the restore waits. Repeating it is safe.
   *
   * @param token of the second proof
   * @throws RekeyError invalid_request (not on offer), invalid_grant (the first proof cannot be used any more),
   * access_denied (another one waits, or was vetoed), too_many_requests, unavailable
   */
  async wait(second: SecondProof, token: string, { address }: Caller): Promise<Waits> {
    if (!second.mayWait) throw refusals.off()
    await limits.spendToken(address)
    const reply = await callRpc(broker, WaitingRestoreOpen, { mfaToken: token, ip: address })
    if (!reply.waits) throw refusals[reply.reason]()
    return reply
  },

  /**
   * Gives the second proof.
   *
   * @param scope the one that the request names; '' for none
   * @returns the subject of the grant: its first proof's, with both proofs and the time of the older one
   * @throws RekeyError as Challenges.answer
   */
  async prove(second: SecondProof, submitted: Submitted, scope: string, caller: Caller): Promise<ProvenTwice> {
    const { grant, purpose } = second
    const name = await challenges.openSecondProof(second)
    const { proof } = await challenges.answer(
      name,
      submitted,
      { flows: [secondProofFlows[purpose]], clientId: grant.clientId, state: '', scope },
      caller,
    )
    if (!proof) throw new RekeyError('invalid_grant')
    const proofs = [...second.proofs, proof]
    const answeredAt = new Date(Math.min(...proofs.map(({ at }) => at)) * 1_000)
    return { flow: purpose, ...grant, proofs, answeredAt }
  },
})

export type SecondProofs = ReturnType<typeof createSecondProofs>
