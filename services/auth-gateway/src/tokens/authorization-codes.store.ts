import { createHash } from 'node:crypto'
import type { Proof } from '@rekey/contracts'
import type { Now } from '@rekey/platform/clock'
import type { Random } from '@rekey/platform/random'
import { loadScript, type Redis } from '@rekey/platform/redis'
import { otherSpelling } from '../clients/redirect-uri.ts'
import { fieldsOf, type StoredRecords } from '../stored-records/stored-records.ts'

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
  /** When the confirmation code was submitted. */
  answeredAt: Date
  /** If there is more than one. */
  proofs?: Proof[] | undefined
}

/** What a redemption must match, and what is stored for a replay. */
interface Redeeming {
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
export const codeLifeMs = 60_000

const keyOf = (code: string) => `rekey:{${createHash('sha256').update(code).digest('base64url')}}:authorization`

const script = (name: string) => new URL(`./${name}.lua`, import.meta.url)

const fieldNames = [
  'subject',
  'challengeId',
  'clientId',
  'scope',
  'redirectUri',
  'codeChallenge',
  'answeredAt',
  'expiresAt',
] as const

interface Deps {
  redis: Redis
  records: StoredRecords
  random: Random
  now: Now
}

/** Authorization codes: 256 random bits, stored as a digest, redeemed once. @throws RekeyError unavailable */
export const createAuthorizationCodes = ({ redis, records, random, now }: Deps) => {
  const issueScript = loadScript(redis, script('issue-code'))
  const redeemScript = loadScript(redis, script('redeem-code'))
  const issued = records.ofKind<(typeof fieldNames)[number] | 'proofs'>('authorization code', fieldNames, ['proofs'])
  const redeemed = records.ofKind('redeemed authorization code', ['sessionId'])
  return {
    async issue({ answeredAt, proofs, ...authorization }: Authorization): Promise<string> {
      const code = random.bytes(32).toString('base64url')
      const key = keyOf(code)
      const fields = {
        ...authorization,
        ...(proofs && { proofs: JSON.stringify(proofs) }),
        answeredAt: String(answeredAt.getTime()),
        expiresAt: String(now().getTime() + codeLifeMs),
      }
      await issueScript([key], [codeLifeMs, ...Object.entries({ ...fields, mac: issued.sign(key, fields) }).flat()])
      return code
    },

    /** @throws RekeyError invalid_grant if the gateway did not write the record so */
    async redeem(code: string, proof: Redeeming): Promise<Redemption> {
      const key = keyOf(code)
      const [result, flat = []] = (await redeemScript(
        [key],
        [
          now().getTime(),
          proof.clientId,
          proof.redirectUri,
          proof.codeChallenge,
          proof.pkceRequired ? 1 : 0,
          proof.sessionId,
          redeemed.sign(key, { sessionId: proof.sessionId }),
          proof.tokenLifeMs,
          otherSpelling(proof.redirectUri),
        ],
      )) as [Redemption['result'], string[]?]
      if (result === 'missing') return { result }
      const fields = fieldsOf(flat)
      const { answeredAt, expiresAt: _, proofs, ...authorization } = issued.open(key, fields, fields.mac)
      if (result === 'redeemed') {
        const given = proofs !== '' && { proofs: JSON.parse(proofs) as Proof[] }
        return { result, authorization: { ...authorization, ...given, answeredAt: new Date(Number(answeredAt)) } }
      }
      if (result !== 'replayed') return { result }
      const { subject, clientId } = authorization
      return { result, subject, clientId, ...redeemed.open(key, fields, fields.sessionMac) }
    },
  }
}

export type AuthorizationCodes = ReturnType<typeof createAuthorizationCodes>
