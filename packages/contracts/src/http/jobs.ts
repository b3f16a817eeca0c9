import { type Static, Type } from '@sinclair/typebox'
import { OneOf, Uuid } from '../fields.ts'
import { scopes } from '../scopes.ts'
import { bearer, problems } from './problem.ts'

export const Job = Type.Object({
  state: OneOf(['running', 'done', 'cancelled']),
  total: Type.Integer(),
  done: Type.Integer(),
  failed: Type.Integer(),
})
export type Job = Static<typeof Job>

const about = { tags: ['Back office'], ...bearer(scopes.backOffice), params: Type.Object({ jobId: Uuid }) }

/** B9. */
export const GetJob = {
  ...about,
  operationId: 'getJob',
  summary: 'Progress of a job',
  response: { 200: Job, ...problems },
}

/** Customers that the job has already reset stay reset. */
export const CancelJob = {
  ...about,
  operationId: 'cancelJob',
  summary: 'Stop a job',
  body: Type.Object({}),
  response: { 200: Job, ...problems },
}
