import { type Static, Type } from '@sinclair/typebox'
import { Password, Reason, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { ClientPasswordChange, ClientRecord, GetPasswordChange, ListPasswordChanges } from './passwords.ts'
import { bearer, problems, refuses } from './problem.ts'

const tags = ['Back office']
const client = Type.Object({ clientId: SerialId })
/** In the query of a DELETE, whose body has no meaning (RFC 9110 §9.3.5). */
const reasonInQuery = Type.Object({ reason: Type.Optional(Reason) })

/** The answer while an action waits for a second person (REKEY_BACK_OFFICE_FOUR_EYES, REKEY_STAFF_NEEDS_PROOF). */
export const ApprovalNeeded = Type.Object({ approvalId: Uuid, expiresAt: Time })
export type ApprovalNeeded = Static<typeof ApprovalNeeded>

/** B7, PUT and PATCH alike. */
export const SetClientPassword = {
  operationId: 'setClientPassword',
  summary: 'Set a temporary password for a customer from the back office; it must be changed at the next sign-in',
  tags,
  ...bearer(scopes.backOffice),
  ...refuses('customer_not_verified', 'owner_unknown', 'password_refused'),
  params: client,
  body: Type.Object({
    password: Password,
    send_mail: Type.Boolean({ description: 'Mail the password to the customer.' }),
    reason: Type.Optional(Reason),
  }),
  response: { 202: ApprovalNeeded, 204: Type.Null({ description: 'Done; no body.' }), ...problems },
}
/** B7. */
export const PatchClientPassword = { ...SetClientPassword, operationId: 'patchClientPassword' }
export type SetClientPasswordBody = Static<typeof SetClientPassword.body>

/** B8. */
export const ListClientPasswordChanges = {
  ...ListPasswordChanges,
  operationId: 'listClientPasswordChanges',
  summary: 'List the password changes of a customer',
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  response: { 200: Type.Object({ total: Type.Integer(), data: Type.Array(ClientPasswordChange) }), ...problems },
}

/** B8. */
export const GetClientPasswordChange = {
  ...GetPasswordChange,
  operationId: 'getClientPasswordChange',
  summary: 'Get a password change of a customer',
  tags,
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId, changeId: SerialId }),
  response: { 200: ClientPasswordChange, ...problems },
}

export const ListClientRecords = {
  ...ListClientPasswordChanges,
  operationId: 'listClientRecords',
  summary:
    'List all records of a customer: password changes, blocks, lifted blocks, ended holds, and ends of all sessions',
  response: { 200: Type.Object({ total: Type.Integer(), data: Type.Array(ClientRecord) }), ...problems },
}

export const GetClientRecord = {
  operationId: 'getClientRecord',
  summary: 'Get one record of a customer',
  tags,
  ...bearer(scopes.backOffice),
  params: Type.Object({ clientId: SerialId, recordId: SerialId }),
  response: { 200: ClientRecord, ...problems },
}

/** B9, one customer. */
export const ResetClientPassword = {
  operationId: 'resetClientPassword',
  summary: 'Sign a customer out and demand a new password at the next sign-in',
  tags,
  ...bearer(scopes.backOffice),
  ...refuses('customer_not_verified', 'owner_unknown'),
  params: client,
  body: Type.Object({ reason: Type.Optional(Reason) }, { description: 'No body, or an object.' }),
  response: {
    202: Type.Union([Type.Object({}, { description: 'Done.', additionalProperties: false }), ApprovalNeeded]),
    ...problems,
  },
}

/** B9, all customers: a job. */
export const ResetAllPasswords = {
  operationId: 'resetAllPasswords',
  summary: 'Sign all customers out and demand a new password of each at the next sign-in',
  tags,
  ...bearer(scopes.backOffice),
  ...refuses('owner_unknown'),
  // A body that names a customer was meant for the path of one customer.
  body: Type.Object(
    { reason: Type.Optional(Reason) },
    { additionalProperties: false, description: 'No body, or an object. Any other field is refused.' },
  ),
  response: { 202: Type.Union([Type.Object({ jobId: Uuid }), ApprovalNeeded]), ...problems },
}

export const EndHold = {
  operationId: 'endHold',
  summary: "End a customer's recovery hold early",
  tags,
  ...bearer(scopes.backOffice),
  ...refuses('customer_not_verified', 'owner_unknown'),
  params: client,
  querystring: reasonInQuery,
  response: { 202: ApprovalNeeded, 204: Type.Null({ description: 'No recovery hold is active.' }), ...problems },
}

/** B11. Waits for no second person: it protects the customer. */
export const BlockClient = {
  operationId: 'blockClient',
  summary: 'Block a customer: no sign-in and no restore until the back office lifts the block; all sessions end',
  tags,
  ...bearer(scopes.backOffice),
  params: client,
  body: Type.Object({ reason: Reason }),
  response: { 204: Type.Null({ description: 'The customer is blocked.' }), ...problems },
}
export type BlockClientBody = Static<typeof BlockClient.body>

export const LiftBlock = {
  operationId: 'liftBlock',
  summary: 'Lift the block of a customer, and any lockout',
  tags,
  ...bearer(scopes.backOffice),
  ...refuses('customer_not_verified', 'owner_unknown'),
  params: client,
  querystring: reasonInQuery,
  response: {
    202: ApprovalNeeded,
    204: Type.Null({ description: 'The customer is neither blocked nor locked out.' }),
    ...problems,
  },
}
