import type { TSchema } from '@sinclair/typebox'

/** Longest line of the formatter. */
const lineWidth = 120

/** True for a schema that gets a name: an object, or a union of types. */
export const isNamed = ({ type, anyOf }: TSchema): boolean =>
  type === 'object' || (type === undefined && anyOf !== undefined)

export const quote = (text: string): string => `'${text.replaceAll(/['\\]/g, '\\$&')}'`
const keyOf = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name))
const commentOf = (text: string | undefined, indent: string): string =>
  text ? `${indent}/** ${text.replaceAll('*/', '*\\/')} */\n` : ''

const primitives: Record<string, string> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  null: 'undefined',
}

/** Writes TypeScript types of JSON Schemas. Schemas that have a name are written once and referred to. */
export const createWriter = (names: ReadonlyMap<TSchema, string>) => {
  const unionOf = (schema: TSchema, indent: string): string[] => {
    if (schema.const !== undefined) return [JSON.stringify(schema.const).replaceAll('"', "'")]
    if (schema.enum) return (schema.enum as unknown[]).map((value) => quote(String(value)))
    if (schema.type === undefined && schema.anyOf) {
      return (schema.anyOf as TSchema[]).flatMap((one) =>
        names.has(one) ? [names.get(one) ?? ''] : unionOf(one, indent),
      )
    }
    if (schema.type === 'array') return [arrayOf(schema.items as TSchema, indent)]
    if (schema.type === 'object') return [objectOf(schema, indent)]
    if (schema.type === undefined) return ['unknown']
    const types = [schema.type].flat() as string[]
    return types.map((type) => {
      const written = primitives[type]
      if (written === undefined) throw new Error(`no TypeScript type for ${JSON.stringify(schema)}`)
      return written
    })
  }

  const referTo = (schema: TSchema, indent: string): string[] => {
    const name = names.get(schema)
    return name === undefined ? unionOf(schema, indent) : [name]
  }

  const arrayOf = (items: TSchema, indent: string): string => {
    const parts = referTo(items, indent)
    return parts.length > 1 ? `(${parts.join(' | ')})[]` : `${parts[0]}[]`
  }

  const memberOf = (name: string, isOptional: boolean, schema: TSchema, indent: string): string => {
    const head = `${indent}${keyOf(name)}${isOptional ? '?' : ''}:`
    const parts = referTo(schema, indent)
    const line = `${head} ${parts.join(' | ')}`
    const fits = parts.length === 1 || line.length <= lineWidth
    const type = fits ? line : `${head}\n${parts.map((part) => `${indent}  | ${part}`).join('\n')}`
    return `${commentOf(schema.description, indent)}${type}\n`
  }

  const objectOf = ({ properties = {}, required = [], patternProperties = {} }: TSchema, indent = ''): string => {
    const fields = Object.entries<TSchema>(properties)
    const [values] = Object.values<TSchema>(patternProperties)
    if (fields.length === 0) return `Record<string, ${values ? referTo(values, indent).join(' | ') : 'never'}>`
    const members = fields.map(([name, schema]) =>
      memberOf(name, !required.includes(name) || schema.default !== undefined, schema, `${indent}  `),
    )
    return `{\n${members.join('')}${indent}}`
  }

  return {
    /** The declaration of a schema that has a name. */
    declare(name: string, schema: TSchema): string {
      const comment = commentOf(schema.description, '')
      if (schema.type === 'object' && schema.properties && Object.keys(schema.properties).length > 0) {
        return `${comment}export interface ${name} ${objectOf(schema)}\n`
      }
      return `${comment}${declareUnion(name, unionOf(schema, ''))}`
    },
    referTo: (schema: TSchema): string => referTo(schema, '').join(' | '),
  }
}

export const declareUnion = (name: string, parts: string[]): string => {
  const line = `export type ${name} = ${parts.join(' | ')}`
  return line.length <= lineWidth
    ? `${line}\n`
    : `export type ${name} =\n${parts.map((part) => `  | ${part}`).join('\n')}\n`
}
