import { isUtf8 } from 'node:buffer'
import { RekeyError } from '@rekey/contracts'
import type { Server } from './server.ts'
import { parseUrlEncoded } from './url-encoded.ts'

/** @throws RekeyError invalid_request */
const parseForm = (body: Buffer): Record<string, string> => {
  if (!isUtf8(body)) throw new RekeyError('invalid_request', { detail: 'The body is not valid UTF-8.' })
  return parseUrlEncoded(body.toString('utf8'), 'body')
}

/** Accepts `application/x-www-form-urlencoded` bodies on a scope's routes: OAuth endpoints (RFC 6749), pages. */
export const acceptForms = (scope: Server): void => {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseForm(body),
  )
}
