import { RekeyError } from '@rekey/contracts'
import type { Client } from './registry-file.ts'

/**
 * Checks that the endpoint grants every requested scope, and that the client may have it (RFC 6749 §3.3).
 *
 * @throws RekeyError invalid_scope
 */
export const checkScope = (scope: string, granted: readonly string[], client: Client): void => {
  const registered: readonly string[] = client.scopes
  const isAllowed = scope.split(' ').every((item) => granted.includes(item) && registered.includes(item))
  if (!isAllowed) throw new RekeyError('invalid_scope')
}
