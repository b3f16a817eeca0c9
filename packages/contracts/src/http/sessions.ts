import { type Static, Type } from '@sinclair/typebox'
import { Reason, SerialId, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems } from './problem.ts'

const example = {
  id: '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11',
  client: 'ib_localhost',
  createdAt: '2026-11-26T08:02:11+00:00',
  lastUsedAt: '2026-11-26T09:31:40+00:00',
  ip: '203.0.113.7',
}

const sessionFields = {
  id: Uuid,
  client: Type.String({ description: 'The OAuth client that the customer signed in with.' }),
  createdAt: { ...Time, description: 'When the customer signed in. Whole seconds, UTC: 2022-01-01T00:00:00+00:00.' },
  lastUsedAt: { ...Time, description: 'The last refresh, or the sign-in if there was none.' },
  ip: Type.String({
    description:
      'Client address of that request; the one that the client states, if it is an authenticated confidential client.',
  }),
}

/** A customer's session, as the back office sees it. */
export const ClientSession = Type.Object(sessionFields, { examples: [example] })
export type ClientSession = Static<typeof ClientSession>

/** A session of the signed-in customer. */
export const MySession = Type.Object(
  { ...sessionFields, current: Type.Boolean({ description: 'True for the session of this request.' }) },
  { examples: [{ ...example, current: true }] },
)
export type MySession = Static<typeof MySession>

/** Most sessions that a list has. Older ones are not listed; the end of all others ends them too. */
export const mostListedSessions = 100

const ended = { 204: Type.Null({ description: 'Done; no body.' }), ...problems }

/** B12. */
export const ListSessions = {
  summary: 'List the sessions of the signed-in customer, the latest sign-in first',
  tags: ['Sessions'],
  ...bearer(scopes.full),
  response: {
    200: Type.Object({ total: Type.Integer(), data: Type.Array(MySession, { maxItems: mostListedSessions }) }),
    ...problems,
  },
}

/** B12. Safe to repeat. */
export const EndSession = {
  summary: 'End one session of the signed-in customer',
  tags: ['Sessions'],
  ...bearer(scopes.full),
  params: Type.Object({ sessionId: Uuid }),
  response: ended,
}

/** B12. */
export const EndOtherSessions = {
  summary: 'End all sessions of the signed-in customer except the session of this request',
  tags: ['Sessions'],
  ...bearer(scopes.full),
  response: ended,
}

const client = Type.Object({ clientId: SerialId })

/** B12. */
export const ListClientSessions = {
  summary: 'List the sessions of a customer, the latest sign-in first',
  tags: ['Back office'],
  ...bearer(scopes.backOffice),
  params: client,
  response: {
    200: Type.Object({ total: Type.Integer(), data: Type.Array(ClientSession, { maxItems: mostListedSessions }) }),
    ...problems,
  },
}

/** B12. Waits for no second person: it protects the customer. */
export const EndClientSessions = {
  summary: 'End all sessions of a customer',
  tags: ['Back office'],
  ...bearer(scopes.backOffice),
  params: client,
  querystring: Type.Object({ reason: Type.Optional(Reason) }),
  response: ended,
}
