import { type Static, Type } from '@sinclair/typebox'
import { type ErrorCode, errors } from '../errors.ts'
import { passwordReasons } from '../password-reasons.ts'
import { oauthSecondProof, problemSecondProof } from '../second-proof.ts'

const oauthCodes = [...new Set(Object.values(errors).map(({ oauth }) => oauth))]

/** RFC 6749 §5.2, with the `state` that the internet-bank contract echoes. */
export const OAuthError = Type.Object(
  {
    error: Type.String({ description: `One of ${oauthCodes.join(', ')}.`, examples: ['access_denied'] }),
    error_description: Type.String({
      description: 'Printable ASCII without quotation mark and backslash (RFC 6749 §5.2).',
      examples: [errors.access_denied.title],
    }),
    state: Type.Optional(Type.String({ description: 'The state of the request, if it had a valid one.' })),
    ...oauthSecondProof,
  },
  { description: 'Error of an OAuth endpoint (RFC 6749 §5.2).' },
)
export type OAuthError = Static<typeof OAuthError>

/** RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:rekey:problem: and the code.', examples: ['urn:rekey:problem:not_found'] }),
    title: Type.String({ description: 'The same for each problem of this code.', examples: [errors.not_found.title] }),
    status: Type.Integer({ description: 'The HTTP status.', examples: [404] }),
    detail: Type.String({ description: 'What was wrong, where, and what to do.', examples: [errors.not_found.title] }),
    code: Type.String({ description: `One of ${Object.keys(errors).join(', ')}.`, examples: ['not_found'] }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          field: Type.String({ examples: ['password'] }),
          code: Type.String({
            description: `For a refused password: one of ${passwordReasons.join(', ')}.`,
            examples: ['too_short'],
          }),
          message: Type.String({ examples: ['must have at least 8 characters'] }),
        }),
        { description: 'The refused fields, if fields were the reason.' },
      ),
    ),
    ...problemSecondProof,
  },
  { description: 'Error of any other endpoint: a problem document (RFC 9457).' },
)
export type Problem = Static<typeof Problem>

type Security = Record<string, string[]>[]

/** Codes that an operation adds to those of every operation of its shape (`documents/openapi/operation-errors.ts`). */
export const refuses = (...codes: ErrorCode[]) => ({ errors: codes })

/** Marks a route that requires a bearer token with one of these scopes. Routes without it are public. */
export const bearer = (...scopes: string[]) => ({
  security: scopes.map((scope) => ({ bearer: [scope] })) as Security,
})

/** A route that requires a success token too. */
export const bearerAndSuccessToken = (...scopes: string[]) => ({
  security: scopes.map((scope) => ({ bearer: [scope], successToken: [] })) as Security,
})

/** A route whose only credential is a success token. */
export const successTokenOnly = { security: [{ successToken: [] }] as Security }

/** A route at which a confidential client authenticates, by Basic or in the body; a public client has no secret. */
export const clientAuthentication = { security: [{ clientBasic: [] }, {}] as Security }

export const oauthErrors = { '4xx': OAuthError, '5xx': OAuthError }
export const problems = { '4xx': Problem, '5xx': Problem }
