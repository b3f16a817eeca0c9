import { type Static, Type } from '@sinclair/typebox'
import { errors } from '../errors.ts'
import { passwordReasons } from '../password-reasons.ts'

const oauthCodes = `One of ${[...new Set(Object.values(errors).map(({ oauth }) => oauth))].join(', ')}.`
const problemCodes = `Code and status: ${Object.entries(errors)
  .map(([code, { status }]) => `${code} ${status}`)
  .join(', ')}.`

/** RFC 6749 §5.2, with the `state` that the internet-bank contract echoes. */
export const OAuthError = Type.Object({
  error: Type.String({ description: oauthCodes }),
  error_description: Type.String(),
  state: Type.Optional(Type.String()),
})
export type OAuthError = Static<typeof OAuthError>

/** RFC 9457. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String({ description: problemCodes }),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String(),
        code: Type.String({ description: `For a refused password: one of ${passwordReasons.join(', ')}.` }),
        message: Type.String(),
      }),
    ),
  ),
})
export type Problem = Static<typeof Problem>

/** Marks a route that requires a bearer token with one of these scopes. Routes without it are public. */
export const bearer = (...scopes: string[]) => ({ security: [{ bearer: scopes }] })

export const oauthErrors = { '4xx': OAuthError, '5xx': OAuthError }
export const problems = { '4xx': Problem, '5xx': Problem }
