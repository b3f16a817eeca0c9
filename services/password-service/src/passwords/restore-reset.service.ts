import { audiences, type PasswordRestoreResetBody, RekeyError, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { PasswordService } from './passwords.service.ts'

interface Request {
  /** Claims of the access token. */
  bearer: TokenClaims
  body: PasswordRestoreResetBody
  /** Address the request came from. */
  ip: string
}

/** Translates a refusal into OAuth's terms: here the grant is the bearer token, and OAuth has no status 422. */
const toOAuthError = (error: unknown): unknown => {
  if (!(error instanceof RekeyError)) return error
  const { code, message, fields, cause } = error
  if (code === 'success_token_refused') return new RekeyError('invalid_token', { cause })
  if (code !== 'password_refused') return error
  return new RekeyError('invalid_request', { detail: message, ...(fields && { fields }) })
}

/** The access token of a restore is its grant. Any other access token is no grant, valid or not. */
const grantOf = (bearer: TokenClaims): TokenClaims | undefined =>
  bearer.aud.includes(audiences.grant) ? bearer : undefined

/**
 * Ends a restore with its access token (A3): the rules of B2, with OAuth's errors (RFC 6750 §3.1).
 *
 * @throws RekeyError invalid_scope, invalid_token, invalid_request, unavailable
 */
export const createRestoreReset =
  ({ restore, issueTemporary }: Pick<PasswordService, 'restore' | 'issueTemporary'>) =>
  async ({ bearer, body, ip }: Request): Promise<void> => {
    if (!bearer.scope.split(' ').includes(scopes.restore)) throw new RekeyError('invalid_scope')
    const request = { grant: grantOf(bearer), ip, claimedIp: body.ip }
    try {
      await (body.password === undefined ? issueTemporary(request) : restore({ ...request, password: body.password }))
    } catch (error) {
      throw toOAuthError(error)
    }
  }

export type RestoreReset = ReturnType<typeof createRestoreReset>
