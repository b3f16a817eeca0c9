import { type Static, Type } from '@sinclair/typebox'
import {
  ClaimedIp,
  ClientId,
  ClientSecret,
  ClientTimezone,
  CompactToken,
  Device,
  Password,
  ResponseType,
  State,
  Time,
} from '../fields.ts'
import { PasskeyRequest } from '../passkeys.ts'
import { clientAuthentication, oauthErrors, refuses } from './problem.ts'
import { CodeSent, commonRequest, exampleMfaToken } from './restore.ts'

/** A4. */
export const Login = {
  operationId: 'login',
  summary: 'Sign in with the password; a code is needed next',
  description:
    'The answer lists the devices of the customer, and webauthn, otp and recovery_code for enrolled methods. POST /oauth/v2/challenge sends a code to a device; POST /oauth/v2/token takes the code of any of them, or the passkey.',
  tags: ['Sign-in'],
  ...clientAuthentication,
  ...refuses('access_denied', 'invalid_client', 'invalid_scope', 'unsupported_response_type'),
  body: Type.Object(
    { ...commonRequest, ip: ClaimedIp, password: Password },
    {
      examples: [
        {
          response_type: 'code',
          client_id: 'ib_localhost',
          redirect_uri: 'http://localhost',
          scope: 'CUSTOMER:FULL',
          state: '5e982a097260d146803b5da13b1a19c2',
          username: 'bpmtestusr1@gmail.com',
          password: '111111',
          ip: '::1',
          client_timezone: '-3',
          source_system: 'IB',
        },
      ],
    },
  ),
  response: {
    200: Type.Object(
      {
        error: Type.Literal('mfa_required'),
        error_description: Type.String(),
        challenge_type: Type.Array(Type.String(), {
          description: "The customer's devices, masked; webauthn and otp first and recovery_code last, if enrolled.",
          examples: [['oob:email:b*1@gmail.com', 'oob:sms:+44*******01']],
        }),
        binding_method: Type.Literal('prompt'),
        mfa_token: Type.String({
          description: 'Names the challenge. A JWT, which clients need not decode.',
          examples: [exampleMfaToken],
        }),
        state: Type.String(),
      },
      { description: 'The password is right.' },
    ),
    ...oauthErrors,
  },
}
export type LoginBody = Static<typeof Login.body>
export type LoginAnswer = Static<(typeof Login.response)[200]>

/** The answer of A4b for a proof that no message contains. */
export const CodeAwaited = Type.Object(
  {
    mfa_token: Type.String({ description: 'Names the challenge.', examples: [exampleMfaToken] }),
    error: Type.Literal('mfa_code_required'),
    error_description: Type.String({ examples: ['Please confirm challenge with your code'] }),
    state: Type.String({ examples: ['5e982a097260d146803b5da13b1a19c2'] }),
    publicKey: Type.Optional({ ...PasskeyRequest, description: 'Only for webauthn.' }),
  },
  { description: 'The code of the authenticator app, a recovery code or a passkey is awaited.' },
)
export type CodeAwaited = Static<typeof CodeAwaited>

/** The answer of A4b for a customer who cannot give the second proof. */
export const RestoreWaits = Type.Object(
  {
    mfa_token: Type.String({
      description: 'Names the second challenge, by which the second proof can still be given.',
      examples: [exampleMfaToken],
    }),
    error: Type.Literal('restore_waiting'),
    error_description: Type.String({ examples: ['Restore again by the same method after waits_until'] }),
    waits_until: { ...Time, description: 'Then a new restore by the same method sets the password.' },
    state: Type.String({ examples: ['5e982a097260d146803b5da13b1a19c2'] }),
  },
  { description: 'The restore waits; every address of the customer is notified, and any of them can veto it.' },
)
export type RestoreWaits = Static<typeof RestoreWaits>

/** A4b. */
export const SendChallenge = {
  operationId: 'sendChallenge',
  summary: 'Send a code to a device, or send it again',
  description:
    'A new code replaces the old one. Failed attempts stay. With webauthn, otp or recovery_code nothing is sent, and the answer has no verification code; with webauthn it has publicKey, the request for the passkey. In a restore, unavailable says that the customer cannot give the second proof: the restore then waits for REKEY_SOLO_RESTORE_WAIT_HOURS.',
  tags: ['Sign-in', 'Restore'],
  ...clientAuthentication,
  ...refuses('access_denied', 'invalid_client', 'invalid_grant', 'unsupported_response_type'),
  body: Type.Object(
    {
      challenge_type: Device,
      client_id: Type.Optional(ClientId),
      client_secret: Type.Optional(ClientSecret),
      client_timezone: ClientTimezone,
      ip: Type.Optional(ClaimedIp),
      mfa_token: CompactToken,
      response_type: ResponseType,
      state: State,
    },
    {
      examples: [
        {
          challenge_type: 'oob:email:b*1@gmail.com',
          client_timezone: '-3',
          mfa_token: exampleMfaToken,
          response_type: 'code',
          state: '5e982a097260d146803b5da13b1a19c2',
        },
      ],
    },
  ),
  response: { 200: Type.Union([CodeSent, CodeAwaited, RestoreWaits]), ...oauthErrors },
}
export type SendChallengeBody = Static<typeof SendChallenge.body>
