import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Reason, Time, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems } from './problem.ts'

const progress = {
  state: OneOf(['running', 'done', 'cancelled']),
  total: Type.Integer(),
  done: Type.Integer(),
  failed: Type.Integer(),
}

const Job = Type.Object(progress, { examples: [{ state: 'running', total: 200, done: 120, failed: 0 }] })
export type Job = Static<typeof Job>

const ListedJob = Type.Object(
  {
    id: Uuid,
    ...progress,
    createTime: Time,
    finishTime: Type.Optional({ ...Time, description: 'Absent while the job runs.' }),
    actorId: Type.String({ description: 'Token subject of the person who requested the job.' }),
    approvedBy: Type.Optional(Type.String({ description: 'Token subject of the second person who approved.' })),
    reason: Type.Optional(Type.String({ description: 'Reason that the back office gave.' })),
    cancelledBy: Type.Optional(Type.String({ description: 'Token subject of the person who cancelled the job.' })),
    cancelReason: Type.Optional(Type.String({ description: 'Reason that that person gave.' })),
  },
  {
    examples: [
      {
        id: '0193a5d2-7c1e-7b44-9d5e-0a5b8f6a2c11',
        state: 'running',
        total: 200,
        done: 120,
        failed: 0,
        createTime: '2026-11-26T09:30:00+00:00',
        actorId: 'backend_fin',
        reason: 'Passwords of another platform leaked',
      },
    ],
  },
)
export type ListedJob = Static<typeof ListedJob>

const about = { tags: ['Back office'], ...bearer(scopes.backOffice) }
const one = { ...about, params: Type.Object({ jobId: Uuid }) }

export const ListJobs = {
  ...about,
  summary: 'List the jobs, newest first',
  querystring: Type.Object({
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 10 }),
    offset: Type.Integer({ minimum: 0, maximum: 2_147_483_647, default: 0 }),
  }),
  response: { 200: Type.Object({ total: Type.Integer(), data: Type.Array(ListedJob) }), ...problems },
}

/** B9. */
export const GetJob = { ...one, summary: 'Progress of a job', response: { 200: Job, ...problems } }

/** Customers that the job has already reset stay reset. */
export const CancelJob = {
  ...one,
  summary: 'Stop a job',
  body: Type.Object({ reason: Type.Optional(Reason) }, { description: 'No body, or an object.' }),
  response: { 200: Job, ...problems },
}
