import {
  type FactorPurpose,
  FactorsVerify,
  lockoutAttempts,
  VerifyPasskey,
  type VerifyPasskeyReply,
} from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { loadScript, type Redis } from '@rekey/platform/redis'
import { callRpc } from '@rekey/platform/rpc'
import { type ChallengeRecord, type ChallengeReference, type Flow, keysOf } from './challenge.ts'
import { type EnrolledProof, spentLifeOf } from './compare.ts'

/** Purposes of the RPC that verifies the code of an enrolled method, by flow. */
const factorPurposeOf = ({ purpose }: ChallengeReference, flow: Flow): FactorPurpose => {
  if (purpose !== 'change') return purpose
  return flow === 'brokerFactors' ? 'changeFactors' : 'changePassword'
}

/** Verifies codes and passkeys that the password-service knows. */
export const createHeldProofs = ({ redis, broker }: { redis: Redis; broker: Broker }) => {
  const settleScript = loadScript(redis, new URL('./settle.lua', import.meta.url))

  /**
   * Verifies the proof of an attempt that is counted as a failed one already.
   *
   * @returns isRight: it was right and has spent the challenge
   * @throws RekeyError unavailable: the attempt does not count
   */
  return async (
    name: ChallengeReference,
    proof: EnrolledProof,
    { challenge: { customer, flow, clientId }, lockoutMs }: { challenge: ChallengeRecord; lockoutMs: number },
    ip: string,
  ): Promise<VerifyPasskeyReply> => {
    const { challengeId } = name
    const settle = (how: 'right' | 'undo') =>
      settleScript(keysOf(name), [how, spentLifeOf([flow]), lockoutMs === 0 ? 0 : 1, lockoutAttempts])
    try {
      const about = { customer, challengeId, purpose: factorPurposeOf(name, flow) }
      const reply: VerifyPasskeyReply =
        proof.method === 'passkey'
          ? await callRpc(broker, VerifyPasskey, { ...about, credential: proof.credential, clientId, ip })
          : await callRpc(broker, FactorsVerify, { ...about, ...proof })
      return reply.isRight && (await settle('right')) === 'ok' ? reply : { isRight: false }
    } catch (error) {
      await settle('undo').catch(() => {})
      throw error
    }
  }
}
