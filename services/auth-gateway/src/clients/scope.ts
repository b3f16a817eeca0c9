import { RekeyError } from '@rekey/contracts'
import type { Client } from './registry.ts'

/**
 * Every asked scope must be one that the endpoint gives and that the client may have (RFC 6749 §3.3).
 *
 * @throws RekeyError invalid_scope
 */
export const checkScope = (scope: string, given: readonly string[], client: Client): void => {
  const registered: readonly string[] = client.scopes
  const fit = scope.split(' ').every((item) => given.includes(item) && registered.includes(item))
  if (!fit) throw new RekeyError('invalid_scope')
}
