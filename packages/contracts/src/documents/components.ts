import { Kind, type TSchema } from '@sinclair/typebox'
import * as contracts from '../index.ts'

type Json = Record<string, unknown>

const isSchema = (value: unknown): value is TSchema =>
  typeof value === 'object' && value !== null && Kind in value && !('$ref' in value)

/** Every exported schema by its text: a part of another schema with the same text refers to it. */
const exported = () =>
  new Map(
    Object.entries(contracts).flatMap(([name, value]): [string, string][] =>
      isSchema(value) ? [[JSON.stringify(value), name]] : [],
    ),
  )

/** Without the examples of an object: the operations show them. */
const withoutExamples = ({ examples, ...schema }: Json): Json =>
  schema.type === 'object' || examples === undefined || (Array.isArray(examples) && examples.length === 0)
    ? schema
    : { ...schema, examples }

/** Collects `components.schemas`: each schema once, and only those that something refers to. */
export const createComponents = () => {
  const names = exported()
  const schemas: Record<string, Json> = {}

  const convert = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(convert)
    if (typeof value !== 'object' || value === null) return value
    const name = names.get(JSON.stringify(value))
    return name === undefined ? convertParts(value as Json) : refer(name, value as Json)
  }
  const convertParts = (schema: Json): Json =>
    withoutExamples(
      Object.fromEntries(
        Object.entries(schema).map(([key, value]) => [key, key === 'examples' ? value : convert(value)]),
      ),
    )
  const refer = (name: string, schema: Json) => {
    if (!(name in schemas)) {
      schemas[name] = {}
      schemas[name] = convertParts(schema)
    }
    return { $ref: `#/components/schemas/${name}` }
  }

  return {
    schemas,
    /** The schema, with references in place of exported schemas. */
    schemaOf: (schema: TSchema): unknown => convert(JSON.parse(JSON.stringify(schema))),
    /** A reference to the schema, which gets this name unless it is an exported one. */
    named: (name: string, schema: TSchema): unknown => {
      const text = JSON.stringify(schema)
      if (!names.has(text)) names.set(text, name)
      return convert(JSON.parse(text))
    },
  }
}

export type Components = ReturnType<typeof createComponents>
