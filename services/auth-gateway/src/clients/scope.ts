import { RekeyError } from '@rekey/contracts'
import type { Client } from './registry-file.ts'

/** A scope's values, each once, in one order: two spellings of one scope are equal (RFC 6749 §3.3). */
export const normaliseScope = (scope: string): string => [...new Set(scope.split(' '))].toSorted().join(' ')

/**
 * Checks that the endpoint grants every requested scope, and that the client may have it (RFC 6749 §3.3).
 *
 * @returns the scope, normalised
 * @throws RekeyError invalid_scope
 */
export const checkScope = (scope: string, granted: readonly string[], client: Client): string => {
  const registered: readonly string[] = client.scopes
  const isAllowed = scope.split(' ').every((item) => granted.includes(item) && registered.includes(item))
  if (!isAllowed) throw new RekeyError('invalid_scope')
  return normaliseScope(scope)
}
