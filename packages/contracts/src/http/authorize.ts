import { type Static, Type } from '@sinclair/typebox'
import { problems } from './problem.ts'

/** Validated by the endpoint: an error of the client or the redirect URI gets a page, any other a redirect. */
const parameter = (description: string) => Type.Optional(Type.String({ description }))

/** A7: the authorization endpoint (RFC 6749 §3.1) for the proof of a restore. It signs nobody in. */
export const Authorize = {
  summary: 'Open the pages that prove a restore, and redirect back with an authorization code (RFC 6749 §4.1)',
  tags: ['Restore'],
  querystring: Type.Object(
    {
      response_type: parameter('Must be `code`.'),
      client_id: parameter('A public client that may restore.'),
      redirect_uri: parameter('Required. Compared as in every other endpoint.'),
      scope: parameter('`CUSTOMER:PASSWORD:RESTORE`, which is also the default.'),
      state: parameter('Returned in the redirect. 1 to 512 printable ASCII characters.'),
      code_challenge: parameter('Required: the S256 challenge of the verifier (RFC 7636 §4.2).'),
      code_challenge_method: parameter('Must be `S256`.'),
      response_mode: parameter('`query`, which is also the default.'),
    },
    {
      examples: [
        {
          response_type: 'code',
          client_id: 'ib_localhost',
          redirect_uri: 'http://localhost',
          scope: 'CUSTOMER:PASSWORD:RESTORE',
          state: '5e982a097260d146803b5da13b1a19c2',
          code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
          code_challenge_method: 'S256',
        },
      ],
    },
  ),
  response: {
    303: Type.Null({
      description:
        'To the pages. They redirect to `redirect_uri` with `code`, `state` and `iss` (RFC 9207). An error redirects there at once, with `error`, `error_description`, `state` and `iss` (RFC 6749 §4.1.2.1).',
    }),
    ...problems,
  },
}
export type AuthorizeQuery = Static<typeof Authorize.querystring>
