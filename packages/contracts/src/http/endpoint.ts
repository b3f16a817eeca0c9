import type { TObject, TSchema } from '@sinclair/typebox'
import type { ErrorCode } from '../errors.ts'

/**
 * One operation of the HTTP contract. A service gives it to Fastify as the route's schema, and docs/openapi.json is
 * generated from it, so that both say the same.
 */
export interface Endpoint {
  /** Unique; generated clients name their functions by it. */
  operationId: string
  summary: string
  /** Sentences after the summary. */
  description?: string
  /** Of `tags`. */
  tags: string[]
  /** Alternatives; each names schemes of `securitySchemes`. Absent: no credentials are needed. */
  security?: Record<string, string[]>[]
  /** True if no rate limit applies and any site may read the answer, because it says nothing about a person. */
  unlimited?: true
  /** Codes that this operation adds to those of every operation of its shape (see `errorsOf`). */
  errors?: ErrorCode[]
  headers?: TObject
  querystring?: TObject
  params?: TObject
  /** `examples` of the schema are requests, the vendors' own to the letter. */
  body?: TSchema
  /** By status. `4xx` and `5xx` are the shape of the errors. */
  response: Record<string, TSchema>
}

/** The tags of the operations, in the order of the document. */
export const tags: Record<string, string> = {
  Restore: 'A customer who forgot the password proves an address by a code and sets a new password.',
  'Sign-in': 'Password, then a code over one of the customer’s devices.',
  Tokens: 'Tokens of clients: RFC 6749, RFC 7009, RFC 7662.',
  'Two-factor': 'The codes of the broker API: a code is exchanged for a success token, which sets one password.',
  'Second factors': 'Authenticator apps, passkeys and recovery codes of the signed-in customer.',
  Passwords: 'New passwords by a success token.',
  History: 'Password changes, as the customer sees them.',
  Sessions: 'Sessions of the signed-in customer.',
  'Back office': 'Customers, passwords, sessions and approvals, for staff with the scope REST:FULL.',
  Discovery: 'Keys, metadata and documents, for programs.',
  Health: 'Probes.',
}

/** A rule of a body's schema: these fields are mandatory if a field is present, or has this value. */
export const mandatoryIf = (field: string, schema: object, fields: string[]) => ({
  if: { type: 'object', properties: { [field]: schema }, required: [field] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { type: 'object', required: fields },
})
