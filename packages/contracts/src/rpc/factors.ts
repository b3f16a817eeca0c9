import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Uuid } from '../fields.ts'
import { CustomerCode } from './customers.ts'

/** Methods of a second proof that a customer enrols; a code by email or SMS needs no enrolment. */
export const enrolledMethods = ['passkey', 'totp', 'recovery_code'] as const
export type EnrolledMethod = (typeof enrolledMethods)[number]

/** Those of them that are proven by a code. */
const codeMethods = ['totp', 'recovery_code'] as const

/** Purposes of a second proof. */
export const factorPurposes = ['restore', 'login', 'changeFactors', 'changePassword'] as const
export type FactorPurpose = (typeof factorPurposes)[number]

export const FactorsList = {
  subject: 'factors.list',
  summary: "List a customer's confirmed methods of a second proof; an unknown customer has none.",
  request: Type.Object({ customer: CustomerCode }),
  reply: Type.Object({
    methods: Type.Array(OneOf(enrolledMethods), {
      description: 'passkey, totp: confirmed. recovery_code: at least one code is unused.',
    }),
    recoveryCodesLeft: Type.Integer({ minimum: 0, description: 'Recovery codes that were not used yet.' }),
  }),
}
export type FactorsListRequest = Static<typeof FactorsList.request>
export type FactorsListReply = Static<typeof FactorsList.reply>

/**
 * Verifies a TOTP (RFC 6238) or recovery code and uses it up: each time step and each recovery code is right once, also
 * under parallel calls. The caller counts failed attempts.
 */
export const FactorsVerify = {
  subject: 'factors.verify',
  summary: "Verify a customer's TOTP or recovery code, and use it up.",
  request: Type.Object({
    customer: CustomerCode,
    method: OneOf(codeMethods),
    code: Type.String({
      pattern: '^[^\\x00-\\x1F\\x7F]{1,64}$',
      description: 'As the customer typed it: spaces, dashes and case are ignored.',
    }),
    challengeId: { ...Uuid, description: 'Challenge that the proof belongs to, for the log.' },
    purpose: OneOf(factorPurposes),
  }),
  reply: Type.Object({
    isRight: Type.Boolean({ description: 'False too for an unknown customer, and for one without the method.' }),
  }),
}
export type FactorsVerifyRequest = Static<typeof FactorsVerify.request>
export type FactorsVerifyReply = Static<typeof FactorsVerify.reply>
