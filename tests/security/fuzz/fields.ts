import fc from 'fast-check'
import { fitting, hostile, type Schema } from './values.ts'

/** Valid values of a running product, by field. */
export type Known = Record<string, unknown[]>

const absent = Symbol('absent')

/** `odd` in one of `oneOf` values, else `ordinary`. */
export const rarely = <T>(oneOf: number, ordinary: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
  fc.oneof({ weight: oneOf - 1, arbitrary: ordinary }, { weight: 1, arbitrary: odd })

/** The weights make half of the requests with eight fields valid: as many pass the schema as it refuses. */
const fieldOf = (schema: Schema, isRequired: boolean, known: unknown[] | undefined, odd: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 20, arbitrary: known ? fc.constantFrom(...known) : fitting(schema) },
    { weight: 1, arbitrary: fitting(schema) },
    { weight: 1, arbitrary: odd },
    { weight: isRequired ? 1 : 30, arbitrary: fc.constant(absent) },
  )

export const fieldsOf = (schema: Schema | undefined, known: Known, odd: fc.Arbitrary<unknown> = hostile) =>
  fc
    .record(
      Object.fromEntries(
        Object.entries(schema?.properties ?? {}).map(([name, one]) => [
          name,
          fieldOf(one, schema?.required?.includes(name) ?? false, known[name], odd),
        ]),
      ),
    )
    .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== absent)))

export const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

export const asForm = (fields: Record<string, unknown>) =>
  new URLSearchParams(Object.entries(fields).map(([name, value]): [string, string] => [name, asText(value)])).toString()
