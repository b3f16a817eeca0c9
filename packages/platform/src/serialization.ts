import fastJsonStringify, { type Schema } from 'fast-json-stringify'
import type { FastifySerializerCompiler } from 'fastify'

/** The serializers of this process, each compiled once: the routes of a service share most schemas of their answers. */
const serializers = new WeakMap<object, (answer: unknown) => string>()

const compile = (schema: object): ((answer: unknown) => string) => {
  const serializer = fastJsonStringify(schema as Schema)
  serializers.set(schema, serializer)
  return serializer
}

/** Compiles the serializer of an answer. Fastify would compile one for each route and status. */
export const compileSerializer: FastifySerializerCompiler<object> = ({ schema }) =>
  serializers.get(schema) ?? compile(schema)
