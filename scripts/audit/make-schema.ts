import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// node scripts/audit/make-schema.ts OCSF_SCHEMA_FOLDER
// Makes scripts/audit/ocsf-schema.json, the JSON Schema of what `npm run audit` writes, from a checkout of
// https://github.com/ocsf/ocsf-schema at a released version. Objects that the export does not use are refused.

const [folder = ''] = process.argv.slice(2)
const output = join(import.meta.dirname, 'ocsf-schema.json')

interface Attribute {
  type?: string
  is_array?: boolean
  requirement?: string
  enum?: Record<string, unknown>
}

interface Definition {
  name: string
  uid?: number
  extends?: string
  attributes: Record<string, Attribute>
  constraints?: { at_least_one?: string[]; just_one?: string[] }
}

const read = <T>(path: string): T => JSON.parse(readFileSync(join(folder, path), 'utf8'))
const definitionsIn = (pattern: string) =>
  new Map(
    globSync(pattern, { cwd: folder }).map((path) => {
      const definition = read<Definition>(path)
      return [definition.name, definition] as const
    }),
  )

const { version } = read<{ version: string }>('version.json')
const dictionary = read<{
  attributes: Record<string, Attribute>
  types: { attributes: Record<string, { type?: string; regex?: string; max_len?: number; range?: [number, number] }> }
}>('dictionary.json')
const objects = definitionsIn('objects/*.json')
const classes = definitionsIn('events/**/*.json')

/** Objects that the export uses. */
const used = ['actor', 'metadata', 'network_endpoint', 'object', 'product', 'service', 'session', 'user']

/** A definition with the attributes of those that it extends. Attributes of profiles are left out: none is used. */
const resolve = (of: Map<string, Definition>, name: string): Definition => {
  const own = of.get(name)
  if (!own) throw new Error(`${name} is not in the schema`)
  const parent = own.extends === undefined ? undefined : resolve(of, own.extends)
  const attributes: Record<string, Attribute> = { ...parent?.attributes }
  for (const [field, attribute] of Object.entries(own.attributes)) {
    if (field === '$include') continue
    const { enum: inherited, ...rest } = attributes[field] ?? {}
    const values = { ...inherited, ...attribute.enum }
    attributes[field] = { ...rest, ...attribute, ...(Object.keys(values).length > 0 && { enum: values }) }
  }
  const constraints = own.constraints ?? parent?.constraints
  return { ...own, attributes, ...(constraints && { constraints }) }
}

const scalar = (type: string): object => {
  const { type: base = type, regex, max_len: maxLength, range } = dictionary.types.attributes[type] ?? {}
  if (base === 'boolean_t') return { type: 'boolean' }
  if (base === 'integer_t' || base === 'long_t')
    return { type: 'integer', ...(range && { minimum: range[0], maximum: range[1] }) }
  if (base === 'float_t') return { type: 'number' }
  if (base === 'json_t') return {}
  return {
    type: 'string',
    ...(regex !== undefined && { pattern: regex }),
    ...(maxLength !== undefined && { maxLength }),
  }
}

const schemaOf = (field: string, attribute: Attribute): object => {
  const { type = '', is_array: isArray, enum: base } = { ...dictionary.attributes[field], ...attribute }
  const values = { ...dictionary.attributes[field]?.enum, ...base, ...attribute.enum }
  const isScalar = Object.hasOwn(dictionary.types.attributes, type)
  const item = isScalar ? scalar(type) : { $ref: `#/$defs/${type}` }
  const keys = Object.keys(values)
  const isInteger = (item as { type?: string }).type === 'integer'
  const closed = keys.length > 0 ? { ...item, enum: keys.map((key) => (isInteger ? Number(key) : key)) } : item
  return isArray ? { type: 'array', items: closed } : closed
}

const toSchema = ({ attributes, constraints }: Definition): Record<string, unknown> => {
  const { at_least_one: some, just_one: one } = constraints ?? {}
  return {
    type: 'object',
    additionalProperties: false,
    required: Object.keys(attributes).filter((field) => attributes[field]?.requirement === 'required'),
    properties: Object.fromEntries(
      Object.entries(attributes).map(([field, attribute]) => [field, schemaOf(field, attribute)]),
    ),
    ...(some && { anyOf: some.map((field) => ({ required: [field] })) }),
    ...(one && { oneOf: one.map((field) => ({ required: [field] })) }),
  }
}

/** A class, with the numbers that identify it: the server of the schema computes them in the same way. */
const classSchema = (name: string, categoryUid: number) => {
  const definition = resolve(classes, name)
  const classUid = categoryUid * 1_000 + (definition.uid ?? 0)
  const schema = toSchema(definition)
  const activities = (schema.properties as { activity_id: { enum: number[] } }).activity_id.enum
  return {
    ...schema,
    properties: {
      ...(schema.properties as object),
      category_uid: { const: categoryUid },
      class_uid: { const: classUid },
      type_uid: { enum: activities.map((activity) => classUid * 100 + activity) },
    },
  }
}

const objectSchemas = Object.fromEntries(
  [...objects.keys()].map((name) => {
    if (name === 'object') return [name, { type: 'object' }]
    return [name, used.includes(name) ? toSchema(resolve(objects, name)) : false]
  }),
)
const named = JSON.stringify({
  ...objectSchemas,
  classes: ['account_change', 'authentication', 'base_event'].map((name) => classSchema(name, 0)),
})
const schema = {
  $comment: `Made by scripts/audit/make-schema.ts from OCSF ${version} (https://github.com/ocsf/ocsf-schema, Apache License 2.0): the classes that npm run audit writes. Objects that it does not use are false.`,
  version,
  oneOf: [classSchema('account_change', 3), classSchema('authentication', 3), classSchema('base_event', 0)],
  $defs: Object.fromEntries(Object.entries(objectSchemas).filter(([name]) => named.includes(`"#/$defs/${name}"`))),
}
writeFileSync(output, `${JSON.stringify(schema, null, 1)}\n`)
