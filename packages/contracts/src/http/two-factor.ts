import { type Static, Type } from '@sinclair/typebox'
import { ClientId, CompactToken, ConfirmationCode, EmailInQuery, OneOf, PhoneInQuery, Time } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems } from './problem.ts'

const ChallengeAnswer = Type.Object({ token: Type.String(), provider: Type.String(), expiresAt: Time })
export type ChallengeAnswer = Static<typeof ChallengeAnswer>

/** B5. */
export const OpenChallenge = {
  summary: 'Send a code to the signed-in customer',
  tags: ['Two-factor'],
  ...bearer(scopes.full, scopes.change),
  querystring: Type.Object({ businessProcess: OneOf(['changePassword']) }),
  response: { 200: ChallengeAnswer, ...problems },
}

/** B5b. Exactly one of `email` and `phone`. */
export const OpenUnauthorizedChallenge = {
  summary: 'Send a code for a password restore',
  tags: ['Two-factor', 'Restore'],
  querystring: Type.Object({
    businessProcess: OneOf(['restorePassword']),
    email: Type.Optional(EmailInQuery),
    phone: Type.Optional(PhoneInQuery),
    client_id: Type.Optional(ClientId),
  }),
  response: { 200: ChallengeAnswer, ...problems },
}
export type OpenUnauthorizedChallengeQuery = Static<typeof OpenUnauthorizedChallenge.querystring>

const SuccessToken = Type.Object({ successToken: Type.String(), expiresAt: Time })
export type SuccessToken = Static<typeof SuccessToken>

/** B6. */
export const AnswerChallenge = {
  summary: 'Exchange a code for a success token',
  tags: ['Two-factor'],
  body: Type.Object({ token: CompactToken, code: ConfirmationCode }),
  response: { 200: SuccessToken, ...problems },
}
export type AnswerChallengeBody = Static<typeof AnswerChallenge.body>
