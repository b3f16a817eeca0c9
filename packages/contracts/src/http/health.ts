import { Type } from '@sinclair/typebox'

/** The process runs. */
export const Healthz = {
  summary: 'Whether the process runs',
  tags: ['Health'],
  response: { 200: Type.Object({ status: Type.Literal('ok') }) },
}

const checks = Type.Record(Type.String(), Type.String({ description: 'ok, or what is wrong.' }))

/** Every store and the broker, each named. An instance that is degraded serves: send traffic. */
export const Readyz = {
  summary: 'Whether the stores and the broker answer, and what does not move',
  tags: ['Health'],
  response: {
    200: Type.Object({
      status: Type.Union([Type.Literal('ok'), Type.Literal('degraded')]),
      checks,
      degraded: Type.Optional(
        Type.Record(
          Type.String(),
          Type.String({ description: 'How much waits, and for how long nothing was finished.' }),
          {
            description: 'Parts where something waits and nothing was finished for 15 s.',
          },
        ),
      ),
    }),
    503: Type.Object({ status: Type.Literal('unavailable'), checks }),
  },
}
