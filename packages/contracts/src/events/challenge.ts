import { Type } from '@sinclair/typebox'
import { Process, Purpose, Sealed, Uuid } from '../fields.ts'
import { maxFailedAttemptsPerChallenge } from '../lockout.ts'
import { codeMade } from './code-made.ts'
import { defineEvent } from './event.ts'

export const ChallengeIssued = defineEvent({
  type: 'auth.challenge.issued',
  summary:
    "A code was made for an identified customer, at sign-in or to change the password, and must be sent to one of the customer's devices.",
  data: Type.Object({
    ...codeMade,
    purpose: Purpose,
    process: Type.Optional(Process),
    customer: Type.String({ description: "The customer's code." }),
    device: Type.String({ description: 'oob:email, or one device by its mask: oob:sms:+44*******01.' }),
  }),
})

const attempt = Type.Integer({
  minimum: 1,
  maximum: maxFailedAttemptsPerChallenge,
  description: 'Number of the wrong code within its challenge.',
})

const username = Type.Optional({
  ...Sealed('password-service'),
  description:
    "A restore's username: the password-service counts the wrong code for its customer. Compact JWE that only the password-service can decrypt.",
})

const customer = Type.Optional(
  Type.String({
    description:
      "The customer's code, if the wrong code was a second proof: it counts as a failed attempt of the customer's restore.",
  }),
)

const outcome = Type.Object({ challengeId: Uuid, purpose: Purpose, clientId: Type.String(), ip: Type.String() })

export const ChallengeVerified = defineEvent({
  type: 'auth.challenge.verified',
  summary: 'The right code was entered; the challenge is spent.',
  data: outcome,
})

export const ChallengeFailed = defineEvent({
  type: 'auth.challenge.failed',
  summary: 'A wrong code was entered.',
  data: Type.Composite([outcome, Type.Object({ attempt, username, customer })]),
})

export const ChallengeLocked = defineEvent({
  type: 'auth.challenge.locked',
  summary: 'The last wrong code that a challenge allows was entered; the challenge accepts no more codes.',
  data: Type.Composite([outcome, Type.Object({ attempt, username, customer })]),
})
