import { type Static, Type } from '@sinclair/typebox'
import { Password, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { GetPasswordChange, ListPasswordChanges } from './passwords.ts'
import { bearer, problems } from './problem.ts'

const tags = ['Back office']
const client = Type.Object({ clientId: SerialId })

/** The answer while an action waits for a second person (REKEY_BACK_OFFICE_FOUR_EYES). */
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
    send_mail: Type.Boolean({
      description: 'Mail it as a temporary password that must be changed at the next sign-in.',
    }),
  }),
  response: { 202: ApprovalNeeded, 204: Type.Null({ description: 'Done; no body.' }), ...problems },
}
export type SetClientPasswordBody = Static<typeof SetClientPassword.body>

/** B8. */
export const ListClientPasswordChanges = {
  ...ListPasswordChanges,
  summary: 'List the password changes of a customer',
  tags,
  ...bearer(scopes.backOffice),
  params: client,
}

/** B8. */
export const GetClientPasswordChange = {
  ...GetPasswordChange,
  summary: 'Get a password change of a customer',
  tags,
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId, changeId: SerialId }),
}

/** B9, one customer. */
export const ResetClientPassword = {
  summary: 'Sign a customer out and demand a new password at the next sign-in',
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  body: Type.Object({}, { description: 'No body, or an empty object.' }),
  response: {
    202: Type.Union([Type.Object({}, { description: 'Done.', additionalProperties: false }), ApprovalNeeded]),
    ...problems,
  },
}

/** B9, all customers: a job. */
export const ResetAllPasswords = {
  summary: 'Sign all customers out and demand a new password of each at the next sign-in',
  tags,
  ...bearer(scopes.backOffice),
  // A body that names a customer was meant for the path of one customer.
  body: Type.Object(
    {},
    { additionalProperties: false, description: 'No body, or an empty object. Any field is refused.' },
  ),
  response: { 202: Type.Union([Type.Object({ jobId: Uuid }), ApprovalNeeded]), ...problems },
}

export const EndHold = {
  summary: "End a customer's recovery hold early",
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  response: { 204: Type.Null({ description: 'No recovery hold is active.' }), ...problems },
}

export const LiftBlock = {
  summary: 'Lift the block of a compromise report and any lockout of a customer',
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  response: { 204: Type.Null({ description: 'The customer is neither blocked nor locked out.' }), ...problems },
}
