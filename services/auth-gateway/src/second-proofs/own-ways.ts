import { enrolledChallengeTypes, type PasskeyRequest, RekeyError, RequestPasskey } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { callRpc } from '@rekey/platform/rpc'
import type { Caller, ChallengeReference } from '../challenges/challenge.ts'
import type { Challenges } from '../challenges/challenges.ts'

interface Deps {
  challenges: Pick<Challenges, 'assertOffered'>
  broker: Broker
}

/** Chooses ways to prove that no message is sent for. */
export const createOwnWays = ({ challenges, broker }: Deps) => ({
  /**
   * Checks that the way is on offer.
   *
   * @returns the request for an assertion, if the way is a passkey
   * @throws RekeyError as Challenges.assertOffered; invalid_grant if the customer has no passkey any more
   */
  async choose(
    name: ChallengeReference,
    state: string,
    challengeType: string,
    caller: Caller,
  ): Promise<PasskeyRequest | undefined> {
    const customer = await challenges.assertOffered(name, state, challengeType, caller)
    if (challengeType !== enrolledChallengeTypes.passkey) return undefined
    const { publicKey } = await callRpc(broker, RequestPasskey, { customer, challengeId: name.challengeId })
    if (!publicKey) throw new RekeyError('invalid_grant')
    return publicKey
  },
})

export type OwnWays = ReturnType<typeof createOwnWays>
