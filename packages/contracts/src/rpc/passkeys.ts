import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Uuid } from '../fields.ts'
import { PasskeyAssertion, PasskeyKey, PasskeyRequest } from '../passkeys.ts'
import { CustomerCode } from './customers.ts'
import { factorPurposes } from './factors.ts'

const about = {
  customer: CustomerCode,
  challengeId: { ...Uuid, description: 'Challenge that the proof belongs to: an assertion for another one is wrong.' },
}

export const RequestPasskey = {
  subject: 'factors.request-passkey',
  summary: "Make the request for an assertion of one of a customer's passkeys.",
  request: Type.Object(about),
  reply: Type.Object({
    publicKey: Type.Optional({ ...PasskeyRequest, description: 'Absent: the customer is unknown or has no passkey.' }),
  }),
}
export type RequestPasskeyRequest = Static<typeof RequestPasskey.request>
export type RequestPasskeyReply = Static<typeof RequestPasskey.reply>

/**
 * Verifies an assertion (WebAuthn L3 §7.2) and uses its challenge up: it is right once, also under parallel calls. The
 * caller counts failed attempts. A cloned passkey is removed, and the customer notified.
 */
export const VerifyPasskey = {
  subject: 'factors.verify-passkey',
  summary: "Verify an assertion of a customer's passkey, and use up its challenge.",
  request: Type.Object({
    ...about,
    credential: PasskeyAssertion,
    purpose: OneOf(factorPurposes),
    clientId: Type.String({ pattern: '^[\\x21-\\x7E]{1,256}$', description: 'Client of the challenge, for events.' }),
    ip: Type.String({
      pattern: '^[0-9A-Fa-f:.%]{2,64}$',
      description: 'Address that the assertion came from, for events.',
    }),
  }),
  reply: Type.Object({
    isRight: Type.Boolean({ description: 'False too for an unknown customer, and for a passkey of another one.' }),
    key: Type.Optional({ ...PasskeyKey, description: 'How the key of a right assertion is kept (RFC 8176).' }),
  }),
}
export type VerifyPasskeyRequest = Static<typeof VerifyPasskey.request>
export type VerifyPasskeyReply = Static<typeof VerifyPasskey.reply>
