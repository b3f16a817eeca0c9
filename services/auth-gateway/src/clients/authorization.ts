import { RekeyError } from '@rekey/contracts'
import type { Client } from './clients.ts'

/** How an authorized request wants its answer; see A2. */
export const responseTypes = ['access_token', 'code', 'sign_token'] as const
export type ResponseType = (typeof responseTypes)[number]

/** @throws RekeyError unsupported_response_type (RFC 6749 §4.1.2.1) */
export const checkResponseType = (value: string): ResponseType => {
  const found = responseTypes.find((type) => type === value)
  if (!found) throw new RekeyError('unsupported_response_type')
  return found
}

/**
 * Every asked scope must be one that the endpoint gives and that the client may have (RFC 6749 §3.3).
 *
 * @throws RekeyError invalid_scope
 */
export const checkScope = (scope: string, given: readonly string[], client: Client): void => {
  const fit = scope.split(' ').every((item) => given.includes(item) && client.scopes.includes(item))
  if (!fit) throw new RekeyError('invalid_scope')
}
