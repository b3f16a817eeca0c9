import { RekeyError, type SecondProof, secondProofKey } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { deriveKeys, type Keys } from '@rekey/platform/keys'
import { seal, unseal } from '@rekey/platform/seal'

/** A compact JWE with a direct key (RFC 7516 §7.1): its second part is empty. An `mfa_token` is a JWS of three parts. */
const isSealed = (token: string): boolean => /^[\w-]+\.\./.test(token)

/** Reads the tokens of second proofs, which the password-service seals for the gateway (docs/adr/0014). */
export const createSecondProofTokens = ({ usernameKeys, now }: { usernameKeys: Keys; now: Now }) => {
  const keys = deriveKeys(usernameKeys, secondProofKey)
  return {
    /** Undefined for any other kind of token. @throws RekeyError invalid_grant: not sealed by us, or expired */
    async readSecondProof(token: string): Promise<SecondProof | undefined> {
      if (!isSealed(token)) return undefined
      const proof = await unseal<SecondProof>(keys, secondProofKey, token).catch(() => undefined)
      if (!proof || proof.expiresAt <= now().getTime()) throw new RekeyError('invalid_grant')
      return proof
    },

    /** The token with the way that the customer chose. */
    sealSecondProof: (proof: SecondProof): string => seal(keys, secondProofKey, proof),
  }
}
