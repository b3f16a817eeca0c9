import { Type } from '@sinclair/typebox'

/** The process runs. */
export const Healthz = {
  summary: 'Whether the process runs',
  tags: ['Health'],
  response: { 200: Type.Object({ status: Type.Literal('ok') }) },
}

const Readiness = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('unavailable')]),
  checks: Type.Record(Type.String(), Type.String({ description: 'ok, or what is wrong.' })),
})

/** Every store and the broker, each named. */
export const Readyz = {
  summary: 'Whether the stores and the broker answer',
  tags: ['Health'],
  response: { 200: Readiness, 503: Readiness },
}
