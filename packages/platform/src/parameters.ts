import type { FastifyRequest } from 'fastify'

/** True for a parameter that the contract of the request's endpoint has in this part. */
export const isParameterOf =
  ({ routeOptions }: Pick<FastifyRequest, 'routeOptions'>, part: 'body' | 'querystring') =>
  (name: string): boolean =>
    Object.hasOwn((routeOptions.schema?.[part] as { properties?: object } | undefined)?.properties ?? {}, name)

/** Deletes fields without a value, in place. Anything but an object stays as it is: the schema refuses it. */
export const omitEmpty = <T>(fields: T): T => {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return fields
  for (const [name, value] of Object.entries(fields)) if (value === '') delete (fields as Record<string, unknown>)[name]
  return fields
}
