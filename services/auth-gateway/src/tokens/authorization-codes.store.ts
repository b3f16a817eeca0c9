import { createHash } from 'node:crypto'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import { loadScript, type Redis } from '@rekey/platform/redis'
import { otherSpelling } from '../clients/redirect-uri.ts'

/** What an authorization code grants. */
export interface Authorization {
  /** The verified challenge. */
  subject: string
  challengeId: string
  clientId: string
  scope: string
  redirectUri: string
  /** RFC 7636 S256 challenge; '' for none, and then a public client cannot redeem the code. */
  codeChallenge: string
}

/** What a redemption must match, and what is stored for a replay. */
interface Proof {
  clientId: string
  redirectUri: string
  /** S256 challenge of the submitted verifier; '' for none. */
  codeChallenge: string
  pkceRequired: boolean
  /** Session of the token to be issued. */
  sessionId: string
  /** Longest life of that token. */
  tokenLifeMs: number
}

export type Redemption =
  | { result: 'redeemed'; authorization: Authorization }
  | { result: 'replayed'; subject: string; sessionId: string; clientId: string }
  | { result: 'missing' | 'refused' | 'unprotected' }

/** RFC 6749 §4.1.2 recommends ten minutes at most; ours is shorter (S26). */
const lifeMs = 60_000

const keyOf = (code: string) => `rekey:{${createHash('sha256').update(code).digest('base64url')}}:authorization`

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

const toAuthorization = (flat: string[]): Authorization => {
  const fields: Record<string, string> = {}
  for (let index = 0; index < flat.length; index += 2) fields[flat[index] ?? ''] = flat[index + 1] ?? ''
  return fields as unknown as Authorization
}

/** Authorization codes: 256 random bits, stored as a digest, redeemed once. @throws RekeyError unavailable */
export const createAuthorizationCodes = ({ redis, random, now }: { redis: Redis; random: Random; now: Now }) => {
  const issueScript = loadScript(redis, script('issue-code'))
  const redeemScript = loadScript(redis, script('redeem-code'))
  return {
    async issue(authorization: Authorization): Promise<string> {
      const code = random.bytes(32).toString('base64url')
      const fields = { ...authorization, expiresAt: now().getTime() + lifeMs }
      await issueScript([keyOf(code)], [lifeMs, ...Object.entries(fields).flat()])
      return code
    },

    async redeem(code: string, proof: Proof): Promise<Redemption> {
      const [result, first, sessionId = '', clientId = ''] = (await redeemScript(
        [keyOf(code)],
        [
          now().getTime(),
          proof.clientId,
          proof.redirectUri,
          proof.codeChallenge,
          proof.pkceRequired ? 1 : 0,
          proof.sessionId,
          proof.tokenLifeMs,
          otherSpelling(proof.redirectUri),
        ],
      )) as [Redemption['result'], (string[] | string)?, string?, string?]
      if (result === 'redeemed') return { result, authorization: toAuthorization(first as string[]) }
      if (result === 'replayed') return { result, subject: String(first), sessionId, clientId }
      return { result }
    },
  }
}

export type AuthorizationCodes = ReturnType<typeof createAuthorizationCodes>
