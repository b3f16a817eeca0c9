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

/**
 * An instance is ready once it has reached every store and the broker, until it stops. A degraded instance is ready: keep
 * sending traffic to it.
 */
export const Readyz = {
  operationId: 'readyz',
  summary: 'Readiness: the instance serves; which parts are unavailable or make no progress',
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
            description: 'What is wrong, in a sentence for the operator.',
            examples: ['3 wait, none done for 20 s'],
          }),
          {
            description:
              'Stores and brokers that are unavailable, and parts in which items wait and none was finished for 15 s.',
          },
        ),
      ),
    }),
    503: Type.Object(
      { status: Type.Literal('unavailable'), checks },
      {
        description: 'Not ready: it has not reached a store or the broker since its start, or it stops.',
      },
    ),
    ...problems,
  },
}
