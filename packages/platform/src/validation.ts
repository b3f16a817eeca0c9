import { type FieldError, RekeyError } from '@rekey/contracts'
import { Ajv, type ErrorObject } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'

/** Whether it is one, down to credentials that can be decoded. */
const isUrl = (text: string): boolean => {
  try {
    const { username, password } = new URL(text)
    decodeURIComponent(username + password)
    return true
  } catch {
    return false
  }
}

/** Formats that JSON Schema has no name for: a URL, and several of them, comma-separated. */
const urlFormats = { url: isUrl, urls: (text: string) => text.split(',').every(isUrl) }

const createAjv = (coerceTypes: boolean) => {
  // All faults at once: bodies are capped at 16 KiB, so collecting them costs little.
  const ajv = new Ajv({ allErrors: true, useDefaults: true, allowUnionTypes: true, coerceTypes, formats: urlFormats })
  return addFormats.default(ajv, ['ipv4', 'ipv6', 'uuid', 'date-time'])
}

const asSent = createAjv(false)
const fromText = createAjv(true)

/**
 * A whole number as people write it: nothing that only a computer would take for one, such as 1e0 or 0x1, and none of
 * 309 digits, which is infinite, and to which Ajv holds no maximum.
 */
const wholeNumber = /^(0|-?[1-9]\d{0,14})$/

/** Compiles a check of values that are text, and become numbers in place where the schema says so. */
const compileText = (schema: { properties?: Record<string, { type?: string }> }) => {
  const valid = fromText.compile(schema)
  const integers = Object.entries(schema.properties ?? {}).flatMap(([name, { type }]) =>
    type === 'integer' ? name : [],
  )
  const check = (values: Record<string, unknown>): boolean => {
    const odd = integers.find((name) => typeof values[name] === 'string' && !wholeNumber.test(values[name]))
    if (odd === undefined) {
      const isValid = valid(values)
      check.errors = valid.errors ?? null
      return isValid
    }
    const fault = { instancePath: `/${odd}`, keyword: 'type', message: 'must be a whole number, of 15 digits at most' }
    check.errors = [{ ...fault, schemaPath: '', params: {} }]
    return false
  }
  check.errors = null as ErrorObject[] | null
  return check
}

/** Query and path values are text and become numbers where the schema says so; a body's values stay as they were sent. */
export const compileValidator: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  httpPart === 'body' || httpPart === 'headers' ? asSent.compile(schema) : compileText(schema)

/** A check of data that did not come by HTTP. */
export const compileCheck = (schema: object): ((data: unknown) => boolean) => asSent.compile(schema)

/** The same, with the fields that do not fit: none of them where the data is no object at all, undefined where it is well. */
export const compileFieldFaults = (schema: object): ((data: unknown) => FieldError[] | undefined) => {
  const valid = asSent.compile(schema)
  return (data) => (valid(data) ? undefined : toFieldErrors(valid.errors ?? []))
}

/** Every fault of data that did not come by HTTP, each after its place (a JSON Pointer, RFC 6901). */
export const compileFaults = (schema: object): ((data: unknown) => string[]) => {
  const check = asSent.compile(schema)
  const placeOf = ({ instancePath, params }: ErrorObject) =>
    [instancePath, params.missingProperty ?? params.additionalProperty].filter(Boolean).join('/') || '/'
  return (data) => (check(data) ? [] : (check.errors ?? []).map((fault) => `${placeOf(fault)}: ${describe(fault)}`))
}

const kinds: Record<string, string> = {
  required: 'missing',
  type: 'wrong_type',
  minLength: 'too_short',
  maxLength: 'too_long',
  enum: 'not_allowed',
  minimum: 'out_of_range',
  maximum: 'out_of_range',
}

const describe = ({ keyword, params, message }: ErrorObject): string => {
  if (keyword === 'required') return 'is missing'
  if (keyword === 'additionalProperties') return 'is not known'
  if (keyword === 'minLength' && params.limit === 1) return 'must not be empty'
  if (keyword === 'type' && Array.isArray(params.type)) return `must be ${params.type.join(' or ')}`
  if (keyword === 'enum') return `must be one of ${params.allowedValues.join(', ')}`
  if (keyword === 'pattern' || keyword === 'format' || keyword === 'anyOf') return 'is malformed'
  return message ?? 'is malformed'
}

/** The first fault of each field, in the words of the contracts. */
export const toFieldErrors = (faults: ErrorObject[]): FieldError[] => {
  const fields = new Map<string, FieldError>()
  for (const fault of faults) {
    const path = fault.instancePath.slice(1)
    const named = fault.params.missingProperty ?? fault.params.additionalProperty
    const field = named === undefined ? path : `${path && `${path}/`}${named}`
    if (field && !fields.has(field)) {
      fields.set(field, { field, code: kinds[fault.keyword] ?? 'malformed', message: describe(fault) })
    }
  }
  return [...fields.values()]
}

/** What a request that failed its schema is answered with. */
export const toInvalidRequest = (faults: ErrorObject[], part: string): RekeyError =>
  refuseFields(toFieldErrors(faults), part)

/** A request of which these fields do not fit; none where it is no object at all. */
export const refuseFields = (fields: FieldError[], part: string): RekeyError => {
  const detail = fields.length
    ? `${fields.map(({ field, message }) => `${field} ${message}`).join('; ')}.`
    : `The ${part} must be an object.`
  return new RekeyError('invalid_request', { detail, ...(fields.length > 0 && { fields }) })
}

/** Fills in defaults and turns text into what the schema says, in place; returns what does not fit. */
export const coerce = (schema: object, values: Record<string, unknown>): FieldError[] => {
  const valid = fromText.compile(schema)
  return valid(values) ? [] : toFieldErrors(valid.errors ?? [])
}
