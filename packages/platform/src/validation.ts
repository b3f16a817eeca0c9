import { type ErrorCode, type FieldError, isEmail, RekeyError, readers } from '@rekey/contracts'
import { Ajv, type ErrorObject, type FuncKeywordDefinition } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifySchemaCompiler } from 'fastify'
import { areDistinctKeys } from './keys.ts'
import { areNetworks } from './trusted-proxies.ts'

/** True if the text is a URL and its credentials can be decoded. */
const isUrl = (text: string): boolean => {
  try {
    const { username, password } = new URL(text)
    decodeURIComponent(username + password)
    return true
  } catch {
    return false
  }
}

/** Formats that JSON Schema lacks: a URL, comma-separated URLs, addresses and networks, a list of keys; and our `idn-email`. */
const formats = {
  'idn-email': isEmail,
  url: isUrl,
  urls: (text: string) => text.split(',').every(isUrl),
  networks: areNetworks,
  keys: areDistinctKeys,
}

/**
 * The keyword `x-reads`: replaces a text in place by what its reader returns, before anything else of it is checked. It
 * applies to all types, as `anyOf` does: ajv checks keywords of texts alone after those.
 */
const readsKeyword: FuncKeywordDefinition = {
  keyword: 'x-reads',
  metaSchema: { enum: Object.keys(readers) },
  modifying: true,
  errors: false,
  before: 'anyOf',
  compile: (reader: keyof typeof readers) => (text: unknown, context) => {
    // A text that is validated by itself, outside an object, cannot be replaced: ajv has no parent for it.
    if (typeof text === 'string' && context?.parentData)
      context.parentData[context.parentDataProperty] = readers[reader](text)
    return true
  },
}

/** The keyword `x-well-formed`: refuses a text with lone surrogates, which has no UTF-8 form. */
const wellFormedKeyword: FuncKeywordDefinition = {
  keyword: 'x-well-formed',
  type: 'string',
  schemaType: 'boolean',
  errors: false,
  compile: (isRequired: boolean) => (text: string) => !isRequired || text.isWellFormed(),
}

const createAjv = (coerceTypes: boolean) => {
  // Collect all errors: bodies have at most 16 KiB, so this costs little.
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    allowUnionTypes: true,
    coerceTypes,
    formats,
    // Our schemas are typed, and strict mode refuses unknown keywords: the meta-schema would only slow down each start.
    // V8 removes as much of the generated code: without this pass a start compiles its schemas in two thirds of the time.
    code: { optimize: false },
    meta: false,
    validateSchema: false,
  })
  ajv.addKeyword(readsKeyword)
  ajv.addKeyword(wellFormedKeyword)
  // What `toInvalidRequest` reads.
  ajv.addKeyword('x-refused-as')
  return addFormats.default(ajv, ['ipv4', 'ipv6', 'uuid', 'date-time'])
}

const asSent = createAjv(false)
const fromText = createAjv(true)

/**
 * A whole number in decimal digits. Ajv would also accept 1e0 and 0x1, and 309 digits, which become infinite and pass any
 * maximum.
 */
const wholeNumber = /^(0|-?[1-9]\d{0,14})$/

/** Compiles a check that converts text to the types of the schema, in place. */
const compileText = (schema: { properties?: Record<string, { type?: string }> }) => {
  const valid = fromText.compile(schema)
  const integers = Object.entries(schema.properties ?? {}).flatMap(([name, { type }]) =>
    type === 'integer' ? name : [],
  )
  const check = (values: Record<string, unknown>): boolean => {
    const malformed = integers.find((name) => typeof values[name] === 'string' && !wholeNumber.test(values[name]))
    if (malformed === undefined) {
      const isValid = valid(values)
      check.errors = valid.errors ?? null
      return isValid
    }
    const message = 'must be a whole number of at most 15 digits'
    check.errors = [{ instancePath: `/${malformed}`, keyword: 'type', message, schemaPath: '', params: {} }]
    return false
  }
  check.errors = null as ErrorObject[] | null
  return check
}

/** Validates requests. Query and path values are converted to the schema's types; body values are not. */
export const compileValidator: FastifySchemaCompiler<object> = ({ schema, httpPart }) =>
  httpPart === 'body' || httpPart === 'headers' ? asSent.compile(schema) : compileText(schema)

/** Compiles a check of data that is not an HTTP request. */
export const compileCheck = (schema: object): ((data: unknown) => boolean) => asSent.compile(schema)

/** Compiles a check that returns the field errors: an empty list if the data is no object, undefined if it is valid. */
export const compileFieldErrors = (schema: object): ((data: unknown) => FieldError[] | undefined) => {
  const valid = asSent.compile(schema)
  return (data) => (valid(data) ? undefined : toFieldErrors(valid.errors ?? []))
}

/** Compiles a check that returns every error as text, each after its place (a JSON Pointer, RFC 6901). */
export const compileValidationErrors = (schema: object): ((data: unknown) => string[]) => {
  const check = asSent.compile(schema)
  const placeOf = ({ instancePath, params }: ErrorObject) =>
    [instancePath, params.missingProperty ?? params.additionalProperty].filter(Boolean).join('/') || '/'
  return (data) => (check(data) ? [] : (check.errors ?? []).map((error) => `${placeOf(error)}: ${describe(error)}`))
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
  if (['pattern', 'format', 'anyOf', 'x-well-formed'].includes(keyword)) return 'is malformed'
  return message ?? 'is malformed'
}

/** The first error of each field, with the codes of the contracts. */
export const toFieldErrors = (errors: ErrorObject[]): FieldError[] => {
  const fields = new Map<string, FieldError>()
  for (const error of errors) {
    const path = error.instancePath.slice(1)
    const named = error.params.missingProperty ?? error.params.additionalProperty
    const field = named === undefined ? path : `${path && `${path}/`}${named}`
    if (field && !fields.has(field)) {
      fields.set(field, { field, code: kinds[error.keyword] ?? 'malformed', message: describe(error) })
    }
  }
  return [...fields.values()]
}

/** A schema whose fields may have `x-refused-as`: the code of a request that is wrong in this field alone. */
interface FieldCodes {
  properties?: Record<string, { 'x-refused-as'?: ErrorCode }>
}

const codeOf = (fields: FieldError[], { properties = {} }: FieldCodes): ErrorCode | undefined => {
  const [only] = fields
  if (!only || fields.length > 1 || only.code === 'missing') return undefined
  return properties[only.field]?.['x-refused-as']
}

/** The error of a request that violates its schema. */
export const toInvalidRequest = (errors: ErrorObject[], part: string, schema: FieldCodes = {}): RekeyError => {
  const fields = toFieldErrors(errors)
  return refuseFields(fields, part, codeOf(fields, schema))
}

/** The error of a request with these field errors; an empty list means that it is no object. */
export const refuseFields = (fields: FieldError[], part: string, code: ErrorCode = 'invalid_request'): RekeyError => {
  const detail = fields.length
    ? `${fields.map(({ field, message }) => `${field} ${message}`).join('; ')}.`
    : `The ${part} must be an object.`
  return new RekeyError(code, { detail, ...(fields.length > 0 && { fields }) })
}

/** Converts text to the types of the schema and fills in defaults, in place. @returns the field errors */
export const coerce = (schema: object, values: Record<string, unknown>): FieldError[] => {
  const valid = fromText.compile(schema)
  return valid(values) ? [] : toFieldErrors(valid.errors ?? [])
}
