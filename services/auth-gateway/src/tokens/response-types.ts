import { RekeyError, responseTypes } from '@rekey/contracts'
import type { AuthorizationCodes } from './authorization-codes.store.ts'
import type { Tokens } from './tokens.ts'

export type ResponseType = (typeof responseTypes)[number]

/** @throws RekeyError unsupported_response_type (RFC 6749 §4.1.2.1) */
export const checkResponseType = (value: string): ResponseType => {
  const found = responseTypes.find((type) => type === value)
  if (!found) throw new RekeyError('unsupported_response_type')
  return found
}

interface Deps {
  tokens: Tokens
  authorizationCodes: AuthorizationCodes
}

/** What was proven: the challenge stands for the person, who is not known here. */
interface Proven {
  challengeId: string
  clientId: string
  scope: string
}

interface Request {
  redirectUri: string
  state: string
  /** RFC 7636 S256 challenge, for a public client that will redeem a code. */
  codeChallenge: string | undefined
}

/** Answers a proven request in the form it asked for. */
export const createResponder = ({ tokens, authorizationCodes }: Deps) => ({
  /** @throws RekeyError unavailable, for a code */
  async answer(responseType: ResponseType, proven: Proven, { redirectUri, state, codeChallenge = '' }: Request) {
    const subject = { ...proven, subject: proven.challengeId }
    if (responseType === 'code') {
      const code = await authorizationCodes.issue({ ...subject, redirectUri, codeChallenge })
      return { code, redirect_uri: redirectUri, state }
    }
    const rest = { token_type: 'bearer' as const, scope: subject.scope, state }
    if (responseType === 'access_token') {
      const { token, expiresInSeconds } = tokens.access(subject)
      return { access_token: token, expires_in: expiresInSeconds, ...rest }
    }
    const { token, expiresInSeconds } = tokens.sign(subject)
    return { sign_token: token, expires_in: expiresInSeconds, ...rest }
  },
})

export type Responder = ReturnType<typeof createResponder>
