import { createHash } from 'node:crypto'
import { unavailable } from '@rekey/contracts'
import type { Random } from '@rekey/platform/random'
import type { Redis } from '@rekey/platform/redis'
import type { Subject } from './tokens.ts'

/** What an authorization code stands for. */
export interface Authorization extends Subject {
  redirectUri: string
  /** RFC 7636 S256 challenge; without one a public client cannot redeem the code. */
  codeChallenge: string | undefined
}

/** RFC 6749 §4.1.2 wants a short life; one minute is ours. */
const ttlSeconds = 60

const keyOf = (code: string) => `rekey:{${createHash('sha256').update(code).digest('base64url')}}:authorization`

/** Authorization codes: 256 random bits, kept as a digest, taken once. @throws RekeyError unavailable */
export const createAuthorizationCodes = ({ redis, random }: { redis: Redis; random: Random }) => ({
  async issue(authorization: Authorization): Promise<string> {
    const code = random.bytes(32).toString('base64url')
    try {
      await redis.set(keyOf(code), JSON.stringify(authorization), 'EX', ttlSeconds)
    } catch (cause) {
      throw unavailable(cause)
    }
    return code
  },

  /** Gone with the first asking, right or wrong. */
  async take(code: string): Promise<Authorization | undefined> {
    try {
      const kept = await redis.getdel(keyOf(code))
      return kept ? JSON.parse(kept) : undefined
    } catch (cause) {
      throw unavailable(cause)
    }
  },
})

export type AuthorizationCodes = ReturnType<typeof createAuthorizationCodes>
