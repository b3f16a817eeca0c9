import { type Static, Type } from '@sinclair/typebox'
import { ClientId, CompactToken, EmailInQuery, OneOf, PhoneInQuery, ProofCode, Time } from '../fields.ts'
import { PasskeyAssertion, PasskeyRequest } from '../passkeys.ts'
import { scopes } from '../scopes.ts'
import { bearer, clientAuthentication, problems, refuses } from './problem.ts'
import { exampleMfaToken } from './restore.ts'

export const ChallengeAnswer = Type.Object(
  {
    token: Type.String({ description: 'Names the challenge.', examples: [exampleMfaToken] }),
    provider: Type.String({
      description:
        'email or sms; otp: no code is sent, the authenticator app shows it; webauthn: a passkey is asked for.',
      examples: ['email'],
    }),
    publicKey: Type.Optional({
      ...PasskeyRequest,
      description: 'Only of a customer with a passkey, who may answer with it.',
    }),
    expiresAt: Time,
  },
  { description: 'A code is sent, if there is such an account.' },
)
export type ChallengeAnswer = Static<typeof ChallengeAnswer>

/** B5. */
export const OpenChallenge = {
  operationId: 'openChallenge',
  summary: 'Send a code to the signed-in customer',
  description:
    'changeFactors needs CUSTOMER:FULL. A customer with a passkey or an authenticator app is sent nothing: provider is webauthn or otp, and the proof is the passkey, the code of the app, or a recovery code.',
  tags: ['Two-factor'],
  ...bearer(scopes.full, scopes.change),
  querystring: Type.Object({ businessProcess: OneOf(['changePassword', 'changeFactors']) }),
  response: { 200: ChallengeAnswer, ...problems },
}

/** B5b. Exactly one of `email` and `phone`. */
export const OpenUnauthorizedChallenge = {
  operationId: 'openUnauthorizedChallenge',
  summary: 'Send a code for a password restore',
  description: 'Exactly one of email and phone. The answer is the same with and without an account.',
  tags: ['Two-factor', 'Restore'],
  ...clientAuthentication,
  ...refuses('access_denied', 'invalid_client'),
  querystring: Type.Object({
    businessProcess: OneOf(['restorePassword']),
    email: Type.Optional(EmailInQuery),
    phone: Type.Optional(PhoneInQuery),
    client_id: Type.Optional(ClientId),
  }),
  response: { 200: ChallengeAnswer, ...problems },
}
export type OpenUnauthorizedChallengeQuery = Static<typeof OpenUnauthorizedChallenge.querystring>

export const SuccessToken = Type.Object(
  { successToken: Type.String({ examples: ['b2fcf999-2b0b-451d-9888-094a79117aa5'] }), expiresAt: Time },
  { description: 'The right to set one password.' },
)
export type SuccessToken = Static<typeof SuccessToken>

/** B6. */
export const AnswerChallenge = {
  operationId: 'answerChallenge',
  summary: 'Exchange a code or a passkey for a success token',
  description:
    'Five wrong codes lock the challenge. With the token of an answer that required a second proof, the code is that of the device, of the authenticator app, or a recovery code. A passkey is sent as credential, in place of code.',
  tags: ['Two-factor'],
  ...refuses('access_denied', 'invalid_grant'),
  body: Type.Object(
    { token: CompactToken, code: Type.Optional(ProofCode), credential: Type.Optional(PasskeyAssertion) },
    { examples: [{ token: exampleMfaToken, code: '516538' }] },
  ),
  response: { 200: SuccessToken, ...problems },
}
export type AnswerChallengeBody = Static<typeof AnswerChallenge.body>
