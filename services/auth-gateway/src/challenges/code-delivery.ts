import { ChallengeIssued, RestoreRequested } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Keys } from '@rekey/platform/keys'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import { seal } from '@rekey/platform/seal'
import { currentSpan } from '@rekey/platform/trace'
import type { Caller, ChallengeName, ChallengeRecord } from './challenge.ts'
import type { Codes } from './codes.ts'

interface Deps {
  codes: Codes
  publisher: Publisher
  /** Seal codes for the notifier. */
  sealKeys: Keys
  codeTtlMs: number
  now: Now
  log: Logger
}

interface Send {
  /** 1 for the first code of a challenge. */
  sendNumber: number
  /** Why the code is suppressed: by a lockout (S6), by a rate limit (S7), or not at all. */
  suppressed: 'budget' | 'limit' | undefined
  /** HMAC of the account and the caller's network, if the account signed in from there (S39). */
  knownNetwork: string | undefined
}

/** A confirmation code in the forms that are stored and published; the digits themselves are not kept. */
interface NewCode {
  mac: string
  sealed: string
  verificationCode: string
  expiresAt: Date
}

/** Makes confirmation codes and publishes them for delivery. */
export const createCodeDelivery = ({ codes, publisher, sealKeys, codeTtlMs, now, log }: Deps) => ({
  newCode(challengeId: string): NewCode {
    const code = codes.confirmation()
    return {
      mac: codes.mac(challengeId, code),
      sealed: seal(sealKeys, challengeId, code),
      verificationCode: codes.verification(),
      expiresAt: new Date(now().getTime() + codeTtlMs),
    }
  },

  /**
   * Publishes a code for the password-service; resolves when the broker has stored the event. A suppressed code is
   * published as well, marked: otherwise the response time would reveal it.
   *
   * @throws RekeyError unavailable
   */
  async publishCode(
    { challengeId, purpose }: ChallengeName,
    { flow, clientId, customer, device, sealedUsername: username }: ChallengeRecord,
    { sealed, verificationCode, expiresAt }: NewCode,
    { sendNumber, suppressed: withheld, knownNetwork }: Send,
    { address, assertedIp: claimedIp }: Caller,
  ): Promise<void> {
    const challenge = hashForLog(challengeId)
    currentSpan()?.set({ 'rekey.challenge': challenge })
    const code = {
      challengeId,
      sendNumber,
      clientId,
      code: sealed,
      verificationCode,
      ip: address,
      expiresAt: expiresAt.toISOString(),
    }
    if (customer === '') {
      await publisher.publish(RestoreRequested, {
        subject: challengeId,
        data: {
          ...code,
          username,
          ...(withheld && { withheld }),
          ...(knownNetwork !== undefined && { knownNetwork }),
          ...(claimedIp !== undefined && { claimedIp }),
        },
      })
    } else {
      const process = flow === 'brokerFactors' && { process: 'changeFactors' as const }
      await publisher.publish(ChallengeIssued, {
        subject: customer,
        data: { ...code, purpose, ...process, customer, device },
      })
    }
    log.event('authn_challenge_sent', { flow, challenge, clientId, address, attempt: sendNumber })
  },
})

export type CodeDelivery = ReturnType<typeof createCodeDelivery>
