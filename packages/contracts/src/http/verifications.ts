import { type Static, Type } from '@sinclair/typebox'
import { ConfirmationCode, OneOf, Reason, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems, refuses } from './problem.ts'

/** How a customer proves to the help desk who is calling. */
export const verificationChannels = ['email', 'sms', 'otp'] as const
export type VerificationChannel = (typeof verificationChannels)[number]

/** For how long a verification counts for the member of staff who made it, in minutes. */
export const verifiedMinutes = 15

const about = { tags: ['Back office'], ...bearer(scopes.backOffice) }
const ofClient = Type.Object({ clientId: SerialId })

const Channel = OneOf(verificationChannels, {
  description: 'email, sms: a message with two words and a code. otp: the code of the authenticator app.',
})

/** The caller's verification of one customer, and the ways to verify that customer. */
const Verification = Type.Object(
  {
    required: Type.Boolean({
      description: 'True if acts on a customer need a verification (REKEY_STAFF_NEEDS_PROOF).',
    }),
    verifiedUntil: Type.Optional({
      ...Time,
      description: 'Until when the verification of the caller counts. Absent: this member of staff has none.',
    }),
    channels: Type.Array(
      Type.Object({
        channel: Channel,
        to: Type.Optional(Type.String({ description: 'Masked address of the message; otp has none.' })),
        verifiedUntil: Type.Optional({
          ...Time,
          description: 'Until when the verification of the caller by this method counts. Absent: there is none.',
        }),
      }),
      {
        description:
          'How this customer can be verified now, the usual one first. Left out: what the customer gained less than REKEY_NEW_ADDRESS_HOURS ago and, during a recovery hold, the channel that the password came by.',
      },
    ),
  },
  {
    examples: [
      {
        required: true,
        verifiedUntil: '2026-11-27T14:05:00+00:00',
        channels: [{ channel: 'email', to: 'b*1@gmail.com' }, { channel: 'otp' }],
      },
    ],
  },
)
export type Verification = Static<typeof Verification>

export const GetVerification = {
  ...about,
  operationId: 'getVerification',
  summary: 'Get whether the caller has verified a customer, and how the customer can be verified',
  params: ofClient,
  response: { 200: Verification, ...problems },
}

/** C8. */
export const BeginVerification = {
  ...about,
  operationId: 'beginVerification',
  summary: 'Begin to verify a customer who calls the help desk',
  description:
    'Sends the customer a message with two words and a code. The agent says the two words; the customer, who reads the same words, then reads out the code. By otp no message is sent, and there are no words.',
  ...refuses('not_found', 'too_many_requests'),
  params: ofClient,
  body: Type.Object(
    {
      channel: Type.Optional({ ...Channel, description: 'By default the first one that getVerification lists.' }),
      reason: Type.Optional(Reason),
    },
    { description: 'No body, or an object.', examples: [{ channel: 'email' }] },
  ),
  response: {
    201: Type.Object(
      {
        id: Uuid,
        channel: Channel,
        words: Type.Optional(
          Type.String({
            description: "Two words that the agent says first, in the customer's language. Absent for otp.",
            examples: ['amber river'],
          }),
        ),
        expiresAt: { ...Time, description: 'The code is refused from then on.' },
      },
      { description: 'The message is on its way.' },
    ),
    ...problems,
  },
}
export type BegunVerification = Static<(typeof BeginVerification.response)[201]>
export type BeginVerificationBody = Static<typeof BeginVerification.body>

/** C9. */
export const ConfirmVerification = {
  ...about,
  operationId: 'confirmVerification',
  summary: 'Confirm a verification by the code that the customer reads out',
  description: `From then on the customer counts as verified for ${verifiedMinutes} minutes, for the caller alone. access_denied: five wrong codes, begin another verification.`,
  ...refuses('access_denied', 'invalid_grant', 'not_found', 'too_many_requests'),
  params: Type.Object({ clientId: SerialId, verificationId: Uuid }),
  body: Type.Object({ code: ConfirmationCode, reason: Type.Optional(Reason) }, { examples: [{ code: '516538' }] }),
  response: { 204: Type.Null({ description: 'The customer is verified; no body.' }), ...problems },
}
