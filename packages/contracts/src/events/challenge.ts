import { Type } from '@sinclair/typebox'
import { Purpose, Uuid } from '../fields.ts'
import { codeMade } from './code-made.ts'
import { defineEvent } from './event.ts'

/** A code was made for a customer who is already known: at sign-in, or to change the password. */
export const ChallengeIssued = defineEvent({
  type: 'auth.challenge.issued',
  summary: 'A code for a known customer is to be sent to one of its devices.',
  data: Type.Object({
    ...codeMade,
    purpose: Purpose,
    customer: Type.String({ description: "The customer's code." }),
    device: Type.String({ description: 'oob:email, or one device by its mask: oob:sms:+44*******01.' }),
  }),
})

const outcome = Type.Object({ challengeId: Uuid, purpose: Purpose, clientId: Type.String(), ip: Type.String() })

export const ChallengeVerified = defineEvent({
  type: 'auth.challenge.verified',
  summary: 'The right code was given; the challenge is spent.',
  data: outcome,
})

export const ChallengeFailed = defineEvent({
  type: 'auth.challenge.failed',
  summary: 'A wrong code was given.',
  data: Type.Composite([outcome, Type.Object({ attempt: Type.Integer() })]),
})

export const ChallengeLocked = defineEvent({
  type: 'auth.challenge.locked',
  summary: 'The last allowed wrong code was given; the challenge takes no more.',
  data: Type.Composite([outcome, Type.Object({ attempt: Type.Integer() })]),
})
