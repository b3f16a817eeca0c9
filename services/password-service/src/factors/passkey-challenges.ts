import { createHash, timingSafeEqual } from 'node:crypto'
import type { Now } from '@rekey/platform/clock'
import { deriveKeys, hmac, type Keys } from '@rekey/platform/keys'
import type { Random } from '@rekey/platform/random'

/** How long a challenge may be signed, in milliseconds: as long as a second proof and the grant of a change live. */
export const passkeyChallengeMs = 600_000

/** Use of a challenge, which its HMAC covers: it is refused for another one. */
export interface ChallengeUse {
  ceremony: 'enrol' | 'prove'
  customer: string
  /** The challenge of the second proof, or of the grant that enrols. */
  challengeId: string
}

/** A challenge of ours that has not expired. */
export interface OwnChallenge {
  /** UUID that is spent with the challenge, which so is right once. */
  id: string
  expiresAt: Date
}

const idBytes = 16
const timeBytes = 6
const macBytes = 32

const toUuid = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/**
 * Challenges of passkeys (WebAuthn L3 §13.4.3): an id, the time of expiry, and an HMAC of both and of their use. Nothing is
 * stored until one is spent, and no other service can make one.
 */
export const createPasskeyChallenges = ({
  keys,
  now,
  random,
}: {
  keys: { factor: Keys }
  now: Now
  random: Random
}) => {
  const macKeys = deriveKeys(keys.factor, 'passkey challenge')
  const macOf = (key: Keys['current'], { ceremony, customer, challengeId }: ChallengeUse, head: Buffer) =>
    Buffer.from(hmac(key, [ceremony, challengeId, customer, head.toString('base64url')].join('\n')), 'base64url')

  return {
    make(use: ChallengeUse): Buffer {
      const time = Buffer.alloc(timeBytes)
      time.writeUIntBE(now().getTime() + passkeyChallengeMs, 0, timeBytes)
      const head = Buffer.concat([random.bytes(idBytes), time])
      return Buffer.concat([head, macOf(macKeys.current, use, head)])
    },

    /** @param text in base64url. @returns 'foreign' if it was not made for this use; 'late' if it has expired */
    read(text: string, use: ChallengeUse): OwnChallenge | 'foreign' | 'late' {
      const bytes = Buffer.from(text, 'base64url')
      if (bytes.length !== idBytes + timeBytes + macBytes) return 'foreign'
      const head = bytes.subarray(0, idBytes + timeBytes)
      const mac = bytes.subarray(head.length)
      if (!macKeys.all.some((key) => timingSafeEqual(macOf(key, use, head), mac))) return 'foreign'
      const expiresAt = new Date(head.readUIntBE(idBytes, timeBytes))
      return expiresAt <= now() ? 'late' : { id: toUuid(head.subarray(0, idBytes)), expiresAt }
    },
  }
}

export type PasskeyChallenges = ReturnType<typeof createPasskeyChallenges>

/** The user handle of a customer's first passkey, which follows from its challenge and says nothing about the customer. */
export const userHandleOf = (challenge: Buffer): Buffer => createHash('sha256').update(challenge).digest()
