import { isUtf8 } from 'node:buffer'
import { RekeyError } from '@rekey/contracts'
import type { Server } from './server.ts'
import { parseUrlEncoded, type Reading } from './url-encoded.ts'

/** Parses the body of a form. @throws RekeyError invalid_request */
export const parseForm = (body: Buffer, reading?: Reading): Record<string, string> => {
  if (!isUtf8(body)) throw new RekeyError('invalid_request', { detail: 'The body is not valid UTF-8.' })
  return parseUrlEncoded(body.toString('utf8'), 'body', reading)
}

/** Accepts `application/x-www-form-urlencoded` bodies on a scope's routes. For OAuth endpoints: `acceptOAuthParameters`. */
export const acceptForms = (scope: Server): void => {
  scope.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    async (_request: unknown, body: Buffer) => parseForm(body),
  )
}
