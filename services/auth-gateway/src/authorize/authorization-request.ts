import { type AuthorizeQuery, errors, missingField, RekeyError, State, scopes } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import type { Clients } from '../clients/clients.ts'
import { isSameRedirect } from '../clients/redirect-uri.ts'
import { checkScope } from '../clients/scope.ts'

/** A valid authorization request. */
export interface AuthorizationRequest {
  clientId: string
  redirectUri: string
  scope: string
  /** '' for none. */
  state: string
  /** RFC 7636 S256 challenge. */
  codeChallenge: string
}

/** An error that the client is told of by a redirect (RFC 6749 §4.1.2.1). */
export class AuthorizationError extends RekeyError {
  /** Where the browser is sent. */
  readonly location: string

  constructor({ code, message }: RekeyError, location: string) {
    super(code, { detail: message })
    this.location = location
  }
}

/** Printable ASCII without `"` and `\` (RFC 6749 §4.1.2.1). */
const asDescription = (text: string): string => text.replaceAll(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, "'")

/**
 * The redirect URI with the parameters of an authorization response; those without a value are omitted. A query of its
 * own is kept (RFC 6749 §3.1.2).
 */
export const responseUri = (redirectUri: string, parameters: Record<string, string>): string => {
  const given = Object.entries(parameters).filter(([, value]) => value !== '')
  const query = `${new URLSearchParams(given)}`
  return `${redirectUri}${redirectUri.includes('?') ? '&' : '?'}${query}`
}

const isState = compileCheck(State)
const isChallenge = (text: string) => /^[A-Za-z0-9_-]{43}$/.test(text)

const invalid = (field: string, message: string) =>
  new RekeyError('invalid_request', { detail: `${field} ${message}.`, fields: [{ field, code: 'invalid', message }] })

/** The rules of a request, in the order of RFC 6749 §4.1.2.1. @throws RekeyError */
const checkParameters = (query: AuthorizeQuery, client: NonNullable<ReturnType<Clients['find']>>) => {
  const { response_type, response_mode = 'query', state = '', code_challenge, code_challenge_method } = query
  if (response_type === undefined) throw missingField('response_type')
  if (response_type !== 'code') {
    throw new RekeyError('unsupported_response_type', { detail: 'response_type must be code.' })
  }
  if (response_mode !== 'query') throw invalid('response_mode', 'must be query')
  if (state !== '' && !isState(state)) throw invalid('state', 'must be 1 to 512 printable ASCII characters')
  // Events would name a confidential client that has not authenticated (S46); it has A1 and A2.
  if (client.type !== 'public' || !client.scopes.includes(scopes.restore)) throw new RekeyError('unauthorized_client')
  const scope = checkScope(query.scope ?? scopes.restore, [scopes.restore], client)
  if (code_challenge === undefined) throw missingField('code_challenge')
  if (code_challenge_method !== 'S256') throw invalid('code_challenge_method', 'must be S256')
  if (!isChallenge(code_challenge)) throw invalid('code_challenge', 'must be a SHA-256 digest in base64url')
  return { scope, state, codeChallenge: code_challenge }
}

/** Reads authorization requests (RFC 6749 §4.1.1, RFC 7636 §4.3). */
export const createRequestReader = ({ find }: Pick<Clients, 'find'>, issuer: string) => {
  /** @throws RekeyError access_denied: a page, and never a redirect, because the URI is not the client's */
  const registered = ({ client_id, redirect_uri }: AuthorizeQuery) => {
    const client = client_id === undefined ? undefined : find(client_id)
    const isRegistered =
      redirect_uri !== undefined && client?.redirect_uris.some((uri) => isSameRedirect(uri, redirect_uri))
    if (!client || redirect_uri === undefined || !isRegistered) throw new RekeyError('access_denied')
    return { client, redirectUri: redirect_uri }
  }

  return {
    /** @throws RekeyError access_denied (a page); AuthorizationError (a redirect) for any other error */
    readRequest(query: AuthorizeQuery): AuthorizationRequest {
      const { client, redirectUri } = registered(query)
      try {
        return { clientId: client.client_id, redirectUri, ...checkParameters(query, client) }
      } catch (error) {
        if (!(error instanceof RekeyError)) throw error
        const { state = '' } = query
        const parameters = {
          error: errors[error.code].oauth,
          error_description: asDescription(error.message),
          state: isState(state) ? state : '',
          iss: issuer,
        }
        throw new AuthorizationError(error, responseUri(redirectUri, parameters))
      }
    },
  }
}
