import type { TSchema } from '@sinclair/typebox'

const fieldsOf = ({ properties = {}, required = [] }: TSchema): string[] =>
  Object.entries<TSchema>(properties).map(([name, field]) => {
    const optional = required.includes(name) ? '' : '?'
    const shape = shapeOf(field)
    return shape ? `${name}${optional}: ${shape}` : `${name}${optional}`
  })

/** The fields of a schema in one line: `{found: true, customer, lastChange?: {id}}`. Empty for text and numbers. */
export const shapeOf = (schema: TSchema): string => {
  if (schema.const !== undefined) return String(schema.const)
  if (schema.anyOf && schema.type === undefined) return schema.anyOf.map(shapeOf).join(' \\| ')
  if (schema.type === 'array') {
    const item = shapeOf(schema.items)
    return item && `[${item}]`
  }
  return schema.type === 'object' ? `{${fieldsOf(schema).join(', ')}}` : ''
}
