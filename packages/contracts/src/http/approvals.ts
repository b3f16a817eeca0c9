import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Reason, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems, refuses } from './problem.ts'

const owner = 'Person whom that token stands for: the owner of its client, or its own subject.'

export const approvalActions = [
  'set_password',
  'reset_password',
  'reset_all',
  'lift_block',
  'end_hold',
  'reset_factors',
  'end_wait',
] as const

export const Approval = Type.Object({
  id: Uuid,
  action: OneOf(approvalActions),
  state: OneOf(['pending', 'approved', 'rejected', 'expired']),
  clientId: Type.Optional({ ...SerialId, description: 'Id of the customer; absent for all customers.' }),
  customer: Type.Optional(Type.String({ description: "The customer's code; absent for all customers." })),
  addresses: Type.Optional(
    Type.Array(Type.String(), { description: "The customer's confirmed addresses, masked: b*1@gmail.com" }),
  ),
  reason: Type.Optional(Type.String({ description: 'Reason that the maker gave.' })),
  send_mail: Type.Optional(Type.Boolean({ description: 'True if the new password is mailed (B7).' })),
  verified: Type.Optional(
    Type.Boolean({
      description:
        'True if the maker had verified the customer. Absent for all customers, and where acts need no verification.',
    }),
  ),
  waitingRestoreId: Type.Optional({ ...Uuid, description: 'The restore whose wait is to end (C12).' }),
  maker: Type.String({ description: 'Token subject of the person who requested the action.' }),
  makerOwner: Type.Optional(Type.String({ description: owner })),
  createTime: Time,
  expiresAt: Time,
  decidedBy: Type.Optional(Type.String({ description: 'Token subject of the person who approved or rejected.' })),
  decidedByOwner: Type.Optional(Type.String({ description: owner })),
  decidedAt: Type.Optional(Time),
  decisionReason: Type.Optional(Type.String({ description: 'Reason that that person gave.' })),
})
export type Approval = Static<typeof Approval>

const about = { tags: ['Back office'], ...bearer(scopes.backOffice) }
const body = Type.Object({ reason: Type.Optional(Reason) }, { description: 'No body, or an object.' })
const one = { ...about, params: Type.Object({ approvalId: Uuid }) }

export const ListApprovals = {
  ...about,
  operationId: 'listApprovals',
  summary: 'List pending approvals, oldest first',
  querystring: Type.Object({
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
    offset: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }),
    clientId: Type.Optional({ ...SerialId, description: 'Only those about this customer.' }),
    action: Type.Optional(OneOf(approvalActions, { description: 'Only those of this action.' })),
  }),
  response: { 200: Type.Object({ total: Type.Integer(), data: Type.Array(Approval) }), ...problems },
}

export const GetApproval = {
  ...one,
  operationId: 'getApproval',
  summary: 'Get an approval',
  response: { 200: Approval, ...problems },
}

export const Approve = {
  ...one,
  operationId: 'approve',
  ...refuses('already_decided', 'no_waiting_restore', 'not_found', 'own_approval', 'owner_unknown', 'password_refused'),
  body,
  summary: 'Approve the action of another person and carry it out',
  response: {
    202: Type.Object({ jobId: Uuid }, { description: 'A job was started.' }),
    204: Type.Null({ description: 'Done; no body.' }),
    ...problems,
  },
}

export const Reject = {
  ...one,
  operationId: 'reject',
  ...refuses('already_decided', 'own_approval', 'owner_unknown'),
  body,
  summary: 'Reject the action of another person',
  response: { 204: Type.Null({ description: 'Rejected; no body.' }), ...problems },
}
