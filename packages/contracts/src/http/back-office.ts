import { type Static, Type } from '@sinclair/typebox'
import { Password, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { GetPasswordChange, ListPasswordChanges } from './passwords.ts'
import { bearer, problems } from './problem.ts'

const tags = ['Back office']
const client = Type.Object({ clientId: SerialId })

/** A second person has to agree first: REKEY_BACK_OFFICE_FOUR_EYES. */
export const ApprovalNeeded = Type.Object({ approvalId: Uuid, expiresAt: Time })
export type ApprovalNeeded = Static<typeof ApprovalNeeded>

/** B7, PUT and PATCH alike. */
export const SetClientPassword = {
  summary: "Set a customer's password from the back office",
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  body: Type.Object({
    password: Password,
    send_mail: Type.Boolean({ description: 'Mail it as a temporary password that must be changed at next sign-in.' }),
  }),
  response: { 202: ApprovalNeeded, 204: Type.Null({ description: 'Done; no body.' }), ...problems },
}
export type SetClientPasswordBody = Static<typeof SetClientPassword.body>

/** B8. */
export const ListClientPasswordChanges = {
  ...ListPasswordChanges,
  summary: "List a customer's password changes",
  tags,
  ...bearer(scopes.backOffice),
  params: client,
}

/** B8. */
export const GetClientPasswordChange = {
  ...GetPasswordChange,
  summary: "Show one of a customer's password changes",
  tags,
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId, changeId: SerialId }),
}

/** B9, one customer. */
export const ResetClientPassword = {
  summary: 'Sign a customer out and have the password changed at the next sign-in',
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  body: Type.Object({}, { description: 'Nothing, or an empty object.' }),
  response: {
    202: Type.Union([Type.Object({}, { description: 'Done.', additionalProperties: false }), ApprovalNeeded]),
    ...problems,
  },
}

/** B9, all customers: a job. */
export const ResetAllPasswords = {
  summary: 'Sign every customer out and have every password changed at the next sign-in',
  tags,
  ...bearer(scopes.backOffice),
  // Whoever names anyone does not mean everybody.
  body: Type.Object(
    {},
    { additionalProperties: false, description: 'Nothing, or an empty object: any field is refused.' },
  ),
  response: { 202: Type.Union([Type.Object({ jobId: Uuid }), ApprovalNeeded]), ...problems },
}

/** Ends a recovery hold before its time. */
export const EndHold = {
  summary: "End a customer's recovery hold early",
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  response: { 204: Type.Null({ description: 'No hold is on any more.' }), ...problems },
}

/** Lifts the block that "it was not me" set. */
export const LiftBlock = {
  summary: 'Let a customer sign in and restore again, whatever blocked it: a report, or wrong codes',
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  response: { 204: Type.Null({ description: 'Nothing blocks the customer any more.' }), ...problems },
}
