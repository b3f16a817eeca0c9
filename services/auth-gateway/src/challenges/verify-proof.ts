import { type FactorPurpose, FactorsVerify, VerifyPasskey, type VerifyPasskeyReply } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { callRpc } from '@rekey/platform/rpc'
import type { ChallengeRecord, ChallengeReference, Flow } from './challenge.ts'
import type { EnrolledProof } from './compare.ts'

/** Purposes of the RPCs that verify a proof by an enrolled method, by flow. */
const factorPurposeOf = ({ purpose }: ChallengeReference, flow: Flow): FactorPurpose => {
  if (purpose !== 'change') return purpose
  return flow === 'brokerFactors' ? 'changeFactors' : 'changePassword'
}

/** Lets the password-service verify a proof by an enrolled method, and use it up. @throws RekeyError unavailable */
export const verifyProof = (
  broker: Broker,
  name: ChallengeReference,
  { proof, challenge, ip }: { proof: EnrolledProof; challenge: ChallengeRecord; ip: string },
): Promise<VerifyPasskeyReply> => {
  const { customer, clientId, flow } = challenge
  const about = { customer, challengeId: name.challengeId, purpose: factorPurposeOf(name, flow) }
  return proof.method === 'passkey'
    ? callRpc(broker, VerifyPasskey, { ...about, credential: proof.credential, clientId, ip })
    : callRpc(broker, FactorsVerify, { ...about, ...proof })
}
