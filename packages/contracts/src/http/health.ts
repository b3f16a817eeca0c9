import { Type } from '@sinclair/typebox'

export const Healthz = {
  summary: 'Liveness: the process runs',
  tags: ['Health'],
  response: { 200: Type.Object({ status: Type.Literal('ok') }) },
}

const checks = Type.Record(Type.String(), Type.String({ description: 'ok, or the error.' }))

/** Checks every store and the broker. A degraded instance is ready: keep sending traffic to it. */
export const Readyz = {
  summary: 'Readiness: the stores and the broker answer; which parts make no progress',
  tags: ['Health'],
  response: {
    200: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
      checks,
      degraded: Type.Optional(
        Type.Record(
          Type.String(),
          Type.String({ description: 'How many items wait, and for how long none was finished.' }),
          {
            description: 'Parts in which items wait and none was finished for 15 s.',
          },
        ),
      ),
    }),
    503: Type.Object({ status: Type.Literal('unavailable'), checks }),
  },
}
