import { bearerOf, type TokenClaims } from '@rekey/platform/auth'
import { parseUrlEncoded } from '@rekey/platform/url-encoded'
import type { Clients } from '../clients/clients.ts'

interface Request {
  headers: { authorization?: string | undefined; 'content-type'?: string | undefined }
  ip: string
  body: Buffer | undefined
}

/** The object that a body states; none if it is malformed: the password-service refuses it with the reason. */
const parse = (contentType: string, body: Buffer | undefined): Record<string, unknown> => {
  const text = body?.toString('utf8') ?? ''
  try {
    return contentType.includes('x-www-form-urlencoded') ? parseUrlEncoded(text, 'body') : (JSON.parse(text) ?? {})
  } catch {
    return {}
  }
}

/** A field without a value counts as omitted (RFC 6749 §3.2). */
const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

/**
 * A3: authenticates the confidential client whose access token the request has (S46), by `client_secret` in the body: the
 * Authorization header has the token. The password-service does not know clients. It decides on every other request.
 *
 * @throws RekeyError invalid_client, invalid_grant (another client's token), too_many_requests, unavailable
 */
export const createRestoreResetClient =
  (
    clients: Pick<Clients, 'find' | 'identifyOwner'>,
    claimsOf: (token: string | undefined) => Promise<TokenClaims | undefined>,
  ) =>
  async ({ headers, ip, body }: Request): Promise<void> => {
    const claims = await claimsOf(bearerOf(headers.authorization))
    if (!claims || !clients.find(claims.client_id)) return
    const stated = parse(headers['content-type'] ?? '', body)
    const [client_id, client_secret] = [textOf(stated.client_id), textOf(stated.client_secret)]
    const credentials = {
      ...(client_id !== undefined && { client_id }),
      ...(client_secret !== undefined && { client_secret }),
    }
    await clients.identifyOwner({ body: credentials, authorization: undefined, address: ip }, claims.client_id)
  }
