import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Password, SerialId, Time } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, bearerAndSuccessToken, problems, refuses, successTokenOnly } from './problem.ts'

const success = { 204: Type.Null({ description: 'Done; no body.' }), ...problems }

/** The header of operations that need a proof. */
export const successToken = Type.Object({
  // Optional in the schema, so that a missing token is answered 403 like an invalid one.
  successtoken: Type.Optional(Type.String({ description: 'Single-use proof of the second factor.' })),
})

/** The broker's example, to the letter. */
const newPassword = { examples: [{ password: 'Qwerty123' }] }

/** B1. */
export const ChangePassword = {
  operationId: 'changePassword',
  summary: 'Change the password of the signed-in customer',
  description: 'Every other session ends. Production demands currentPassword too.',
  tags: ['Passwords'],
  ...bearerAndSuccessToken(scopes.full, scopes.change),
  ...refuses('current_password_wrong', 'password_refused', 'second_proof_required', 'success_token_refused'),
  headers: successToken,
  body: Type.Object({ password: Password, currentPassword: Type.Optional(Password) }, newPassword),
  response: success,
}
export type ChangePasswordBody = Static<typeof ChangePassword.body>

/** B2. */
export const RestorePassword = {
  operationId: 'restorePassword',
  summary: 'Set a new password with a success token and no access token',
  description: 'All sessions end. A password that the policy refuses does not spend the token.',
  tags: ['Passwords', 'Restore'],
  ...successTokenOnly,
  ...refuses('password_refused', 'second_proof_required', 'success_token_refused'),
  headers: successToken,
  body: Type.Object({ password: Password }, newPassword),
  response: success,
}

/** Operations of the published history: they set or reset a password. */
export const passwordOperations = ['change', 'restore', 'reset', 'set'] as const
export type PasswordOperation = (typeof passwordOperations)[number]

const changeFields = {
  id: Type.Integer(),
  type: OneOf(['changed', 'restored'], {
    description: 'changed: updated by a back-office user. restored: updated by the client.',
  }),
  createTime: Time,
  operation: OneOf(passwordOperations),
  actor: OneOf(['client', 'back_office']),
  channel: Type.String({
    description: 'email or sms: the channel of the code that proved a restore. api: any other change.',
  }),
  ip: Type.String({ description: 'Client address that the service saw.' }),
  digest: Type.String({ description: 'SHA-256 over the previous record’s digest and this record, in hex.' }),
  holdUntil: Type.Optional({
    ...Time,
    description: 'End of the recovery hold that this change began. password.status states whether it was ended early.',
  }),
}

/** The broker's example, with the fields that follow its three. */
const changeExample = (id: number) => ({
  id,
  type: 'changed',
  createTime: '2022-01-01T00:00:00+00:00',
  operation: 'set',
  actor: 'back_office',
  channel: 'api',
  ip: '203.0.113.7',
  digest: 'cf34dd0002ee4e526ade36e0210cde3c0d25934d69e8e7b6c1659d92a3e92807',
})

/** One password change, as its customer sees it. */
export const PasswordChange = Type.Object(changeFields, { examples: [changeExample(1)] })
export type PasswordChange = Static<typeof PasswordChange>

/** Who acted, for the back office only. */
const staffFields = {
  actorId: Type.String({
    description: "Token subject of the actor: the customer's code, or the back office's user or client.",
  }),
  approvedBy: Type.Optional(
    Type.String({ description: 'Token subject of the second person who approved; absent if no approval was needed.' }),
  ),
  reason: Type.Optional(Type.String({ description: 'Reason that the back office gave.' })),
}

/** B8: one password change, as the back office sees it. */
export const ClientPasswordChange = Type.Object({ ...changeFields, ...staffFields })
export type ClientPasswordChange = Static<typeof ClientPasswordChange>

/** Every operation that the history records. Those after the first four change what protects the customer, and no password. */
export const recordOperations = [
  ...passwordOperations,
  'block',
  'lift_block',
  'end_hold',
  'end_sessions',
  'reset_factors',
  'verify',
  'open_waiting_restore',
  'veto_waiting_restore',
  'expire_waiting_restore',
  'end_wait',
] as const
export type RecordOperation = (typeof recordOperations)[number]

/** One record of the history: a password change, a block, a lifted block, an ended hold, the end of all sessions, a reset of the second factors, a verification of the customer, or what became of a waiting restore. */
export const ClientRecord = Type.Object({
  ...changeFields,
  type: Type.Optional({ ...changeFields.type, description: 'Only of a password change.' }),
  operation: OneOf(recordOperations),
  ...staffFields,
})
export type ClientRecord = Static<typeof ClientRecord>

/** A page of a history. */
export const PasswordChanges = Type.Object(
  { total: Type.Integer(), data: Type.Array(PasswordChange) },
  { examples: [{ total: 2, data: [changeExample(1), changeExample(2)] }] },
)

/** Paging and order of a history. */
export const Page = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
  offset: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }),
  sort_order: OneOf(['asc', 'desc'], { default: 'desc' }),
  sort_by: OneOf(['createTime'], { default: 'createTime' }),
})
export type Page = Static<typeof Page>

/** B3. */
export const ListPasswordChanges = {
  operationId: 'listPasswordChanges',
  summary: 'List the password changes of the signed-in customer',
  tags: ['History'],
  ...bearer(scopes.full),
  querystring: Page,
  response: { 200: PasswordChanges, ...problems },
}

/** B4. */
export const GetPasswordChange = {
  operationId: 'getPasswordChange',
  summary: 'Get a password change of the signed-in customer',
  tags: ['History'],
  ...bearer(scopes.full),
  params: Type.Object({ changeId: SerialId }),
  response: { 200: PasswordChange, ...problems },
}
