/**
 * Every error that a caller can see. `oauth` is the code of RFC 6749 §5.2 (and RFC 6750 §3.1) that the OAuth endpoints
 * answer with; the others answer with the key itself, in problem form (RFC 9457).
 */
export const errors = {
  invalid_request: { status: 400, oauth: 'invalid_request', title: 'The request is malformed.' },
  access_denied: {
    status: 400,
    oauth: 'access_denied',
    title: 'The resource owner or authorization server denied the request.',
  },
  invalid_scope: { status: 400, oauth: 'invalid_scope', title: 'Invalid scope.' },
  invalid_grant: {
    status: 400,
    oauth: 'invalid_grant',
    title: 'The code is wrong, expired, replaced or already used.',
  },
  unauthorized_client: {
    status: 400,
    oauth: 'unauthorized_client',
    title: 'The client is not allowed to use this grant type.',
  },
  unsupported_response_type: {
    status: 400,
    oauth: 'unsupported_response_type',
    title: 'response_type must be one of access_token, code, sign_token.',
  },
  unsupported_grant_type: {
    status: 400,
    oauth: 'unsupported_grant_type',
    title: 'grant_type is not one that is supported.',
  },
  invalid_client: { status: 401, oauth: 'invalid_client', title: 'Client authentication failed.' },
  invalid_token: {
    status: 401,
    oauth: 'invalid_token',
    title: 'The access token is missing, malformed, expired or revoked.',
  },
  insufficient_scope: { status: 403, oauth: 'insufficient_scope', title: 'The access token lacks the scope.' },
  success_token_refused: {
    status: 403,
    oauth: 'access_denied',
    title: 'The success token is missing, expired, already used, or meant for something else.',
  },
  own_approval: {
    status: 403,
    oauth: 'access_denied',
    title: 'Another person must decide: nobody approves or rejects what they asked for themselves.',
  },
  not_found: { status: 404, oauth: 'invalid_request', title: 'There is nothing here.' },
  method_not_allowed: { status: 405, oauth: 'invalid_request', title: 'The method is not allowed here.' },
  already_decided: {
    status: 409,
    oauth: 'invalid_request',
    title: 'It was approved, rejected or has expired already.',
  },
  payload_too_large: { status: 413, oauth: 'invalid_request', title: 'The request body is over 16 KiB.' },
  unsupported_media_type: {
    status: 415,
    oauth: 'invalid_request',
    title: 'The content type is not supported.',
  },
  password_refused: { status: 422, oauth: 'invalid_request', title: 'The new password is refused by the policy.' },
  current_password_wrong: { status: 422, oauth: 'access_denied', title: 'The current password is wrong.' },
  too_many_requests: { status: 429, oauth: 'temporarily_unavailable', title: 'Too many requests. Try again later.' },
  headers_too_large: { status: 431, oauth: 'invalid_request', title: 'The request headers are too large.' },
  internal: { status: 500, oauth: 'server_error', title: 'Something went wrong on our side.' },
  unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    title: 'The service is temporarily unavailable. Try again shortly.',
  },
} as const satisfies Record<string, { status: number; oauth: string; title: string }>

export type ErrorCode = keyof typeof errors

/** One fault of one field, as problem documents list them. */
export interface FieldError {
  field: string
  code: string
  message: string
}

interface Details {
  /** Replaces the table's title as the description. */
  detail?: string
  fields?: FieldError[]
  /** Seconds; becomes `Retry-After`. */
  retryAfterSeconds?: number
  /** How many were allowed; becomes `RateLimit-Limit`. */
  allowance?: number
  cause?: unknown
}

/** The one error that domain code throws: it knows a code, and nothing of HTTP. */
export class RekeyError extends Error {
  readonly code: ErrorCode
  readonly fields: FieldError[] | undefined
  readonly retryAfterSeconds: number | undefined
  readonly allowance: number | undefined

  constructor(code: ErrorCode, { detail, fields, retryAfterSeconds, allowance, cause }: Details = {}) {
    super(detail ?? errors[code].title, { cause })
    this.name = 'RekeyError'
    this.code = code
    this.fields = fields
    this.retryAfterSeconds = retryAfterSeconds
    this.allowance = allowance
  }
}

/** A store or the broker did not answer: nobody is let through (ASVS 16.5.3), and the caller may try again. */
export const unavailable = (cause: unknown): RekeyError =>
  new RekeyError('unavailable', { retryAfterSeconds: 2, cause })

/** A field that this request needs, where the schema could not say so. */
export const missingField = (field: string): RekeyError =>
  new RekeyError('invalid_request', {
    detail: `${field} is missing.`,
    fields: [{ field, code: 'missing', message: 'is missing' }],
  })
