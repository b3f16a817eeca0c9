import { audiences, type PasswordRestoreResetBody, RekeyError, responseTypes, scopes } from '@rekey/contracts'
import type { TokenClaims } from '@rekey/platform/auth'
import type { Passwords } from './passwords.service.ts'

interface Ask {
  /** Claims of the access token. */
  bearer: TokenClaims
  body: PasswordRestoreResetBody
  /** Address the request came from. */
  ip: string
}

/** What the other contract calls a refusal: the grant is the bearer here, and 422 is no status of OAuth's. */
const inOAuthTerms = (error: unknown): unknown => {
  if (!(error instanceof RekeyError)) return error
  const { code, message, fields, cause } = error
  if (code === 'success_token_refused') return new RekeyError('invalid_token', { cause })
  if (code !== 'password_refused') return error
  return new RekeyError('invalid_request', { detail: message, ...(fields && { fields }) })
}

/** An access token of a restore is the grant itself. Any other may be sound, but restores nothing. */
const grantOf = (bearer: TokenClaims): TokenClaims | undefined =>
  bearer.aud.includes(audiences.grant) ? bearer : undefined

/**
 * A3: the restore that ends with its access token. The same rules as B2, said in OAuth's words (RFC 6750 §3.1).
 *
 * @throws RekeyError invalid_scope, unsupported_response_type, invalid_token, invalid_request, unavailable
 */
export const createRestoreReset =
  ({ restore, reset }: Pick<Passwords, 'restore' | 'reset'>) =>
  async ({ bearer, body, ip }: Ask): Promise<void> => {
    if (!bearer.scope.split(' ').includes(scopes.restore)) throw new RekeyError('invalid_scope')
    if (!responseTypes.some((type) => type === body.response_type)) throw new RekeyError('unsupported_response_type')
    const ask = { grant: grantOf(bearer), ip, claimedIp: body.ip }
    try {
      await (body.password === undefined ? reset(ask) : restore({ ...ask, password: body.password }))
    } catch (error) {
      throw inOAuthTerms(error)
    }
  }

export type RestoreReset = ReturnType<typeof createRestoreReset>
