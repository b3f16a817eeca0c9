import { type Static, Type } from '@sinclair/typebox'
import { OneOf, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems } from './problem.ts'

const Approval = Type.Object({
  id: Uuid,
  action: OneOf(['set_password', 'reset_password', 'reset_all']),
  state: OneOf(['pending', 'approved', 'rejected', 'expired']),
  clientId: Type.Optional({ ...SerialId, description: 'The customer; none for all of them.' }),
  send_mail: Type.Optional(Type.Boolean({ description: 'Whether the new password is to be mailed (B7).' })),
  maker: Type.String({ description: 'Token subject of who asked.' }),
  createTime: Time,
  expiresAt: Time,
  decidedBy: Type.Optional(Type.String()),
  decidedAt: Type.Optional(Time),
})
export type Approval = Static<typeof Approval>

const about = { tags: ['Back office'], ...bearer(scopes.backOffice) }
const one = { ...about, params: Type.Object({ approvalId: Uuid }) }

export const ListApprovals = {
  ...about,
  summary: 'What waits for a second person, the oldest first',
  querystring: Type.Object({
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
    offset: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }),
  }),
  response: { 200: Type.Object({ total: Type.Integer(), data: Type.Array(Approval) }), ...problems },
}

export const GetApproval = { ...one, summary: 'One approval', response: { 200: Approval, ...problems } }

/** Never by the maker. */
export const Approve = {
  ...one,
  body: Type.Object({}),
  summary: "Agree to a colleague's action, which is then carried out",
  response: {
    202: Type.Object({ jobId: Uuid }, { description: 'A job was started.' }),
    204: Type.Null({ description: 'Done; no body.' }),
    ...problems,
  },
}

/** Never by the maker. */
export const Reject = {
  ...one,
  body: Type.Object({}),
  summary: "Refuse a colleague's action",
  response: { 204: Type.Null({ description: 'It will not be carried out.' }), ...problems },
}
