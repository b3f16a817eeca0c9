import type { SecondProof } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { loadScript, type Redis } from '@rekey/platform/redis'
import type { AccountKeys } from '../limits/account-keys.ts'
import type { FormerAccounts } from '../limits/former-accounts.ts'
import { type ChallengeRecords, type ChallengeReference, challengeKey, type Flow } from './challenge.ts'

interface Deps {
  redis: Redis
  accountKeys: AccountKeys
  formerAccounts: FormerAccounts
  records: ChallengeRecords
  now: Now
}

/** The flow of a second proof. */
export const secondProofFlows = {
  restore: 'secondRestoreProof',
  change: 'secondChangeProof',
} as const satisfies Record<SecondProof['purpose'], Flow>

/** Opens the challenges of second proofs. */
export const createOpenSecondProof = ({ redis, accountKeys, formerAccounts, records, now }: Deps) => {
  const script = loadScript(redis, new URL('./open-once.lua', import.meta.url))
  return {
    /**
     * Opens the challenge that the token of a second proof names, unless it is open or spent. Failed attempts count for
     * the customer, over all grants.
     *
     * @throws RekeyError unavailable
     */
    async openSecondProof(proof: SecondProof): Promise<ChallengeReference> {
      const { challengeId, customer, purpose, grant, challengeTypes, expiresAt } = proof
      const { clientId, scope } = grant
      const account = accountKeys.ofCustomer(customer)
      const name = { challengeId, account, purpose, clientId }
      await formerAccounts.carryOver(accountKeys.formerOfCustomer(customer), account, purpose)
      const at = now().getTime()
      const fields = {
        ...records.toFields(name, {
          flow: secondProofFlows[purpose],
          account: '',
          clientId,
          redirectUri: '',
          scope,
          requestedScope: '',
          // The request that required the proof has none to compare with.
          state: '',
          devices: challengeTypes,
          device: '',
          sealedUsername: '',
          usernameAccount: '',
          customer,
          sessionId: '',
          sessionEpoch: '',
          verificationCode: '',
          codeChallenge: '',
        }),
        failures: 0,
        sends: 0,
        sentAt: at,
        expiresAt,
      }
      await script([challengeKey(name)], [Math.max(1, expiresAt - at), ...Object.entries(fields).flat()])
      return name
    },
  }
}
