import type { KeyObject } from 'node:crypto'
import { ChallengeIssued, RestoreRequested } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import { hashForLog, type Logger } from '@rekey/platform/logger'
import type { Publisher } from '@rekey/platform/publisher'
import { seal } from '@rekey/platform/seal'
import type { Caller } from './challenges.service.ts'
import type { ChallengeName, ChallengeRecord } from './challenges.store.ts'
import type { Codes } from './codes.ts'

interface Deps {
  codes: Codes
  publisher: Publisher
  /** Seals codes for the notifier. */
  key: KeyObject
  codeTtlMs: number
  now: Now
  log: Logger
}

/** Which send of a challenge it is, and why nobody is to get its code, if so: wrong codes (S6), or too many codes (S7). */
interface Send {
  sendNumber: number
  withheld: 'budget' | 'limit' | undefined
}

/** A confirmation code that can be stored and handed on, and that nobody can read any more. */
interface NewCode {
  mac: string
  sealed: string
  verificationCode: string
  expiresAt: Date
}

/** Confirmation codes on their way out. */
export const createCodeDelivery = ({ codes, publisher, key, codeTtlMs, now, log }: Deps) => ({
  async newCode(challengeId: string): Promise<NewCode> {
    const code = codes.confirmation()
    return {
      mac: codes.mac(challengeId, code),
      sealed: await seal(key, challengeId, code),
      verificationCode: codes.verification(),
      expiresAt: new Date(now().getTime() + codeTtlMs),
    }
  },

  /**
   * Hands the code to whoever knows the address; the broker has stored it when this resolves. One that is withheld goes
   * the same way, so that nobody can tell by the time it takes.
   *
   * @throws RekeyError unavailable
   */
  async handOver(
    { challengeId, purpose }: ChallengeName,
    { flow, clientId, customer, device, sealedUsername: username }: ChallengeRecord,
    { sealed, verificationCode, expiresAt }: NewCode,
    { sendNumber, withheld }: Send,
    { address, claimedIp }: Caller,
  ): Promise<void> {
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
        data: { ...code, username, ...(withheld && { withheld }), ...(claimedIp !== undefined && { claimedIp }) },
      })
    } else {
      await publisher.publish(ChallengeIssued, { subject: customer, data: { ...code, purpose, customer, device } })
    }
    const challenge = hashForLog(challengeId)
    log.info({ event: 'authn_challenge_sent', flow, challenge, clientId, address, attempt: sendNumber })
  },
})

export type CodeDelivery = ReturnType<typeof createCodeDelivery>
