import { Type } from '@sinclair/typebox'
import { problems } from './problem.ts'

export const Healthz = {
  operationId: 'healthz',
  summary: 'Liveness: the process runs',
  tags: ['Health'],
  unlimited: true as const,
  response: { 200: Type.Object({ status: Type.Literal('ok') }), ...problems },
}

const checks = Type.Record(Type.String(), Type.String({ description: 'ok, or the error.', examples: ['ok'] }))

/** Checks every store and the broker. A degraded instance is ready: keep sending traffic to it. */
export const Readyz = {
  operationId: 'readyz',
  summary: 'Readiness: the stores and the broker answer; which parts make no progress',
  tags: ['Health'],
  unlimited: true as const,
  response: {
    200: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
      checks,
      degraded: Type.Optional(
        Type.Record(
          Type.String(),
          Type.String({
            description: 'How many items wait, and for how long none was finished.',
            examples: ['3 wait, none done for 20 s'],
          }),
          {
            description: 'Parts in which items wait and none was finished for 15 s.',
          },
        ),
      ),
    }),
    503: Type.Object({ status: Type.Literal('unavailable'), checks }, { description: 'Not ready.' }),
    ...problems,
  },
}
