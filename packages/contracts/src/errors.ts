/**
 * Every error that a caller can get. OAuth endpoints answer with the code `oauth` (RFC 6749 §5.2, RFC 6750 §3.1); all
 * other endpoints answer a problem document (RFC 9457) whose code is the key of this table.
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
  cross_site_request: {
    status: 403,
    oauth: 'access_denied',
    title: 'A browser sent the request for another website, whose origin no client has registered.',
  },
  success_token_refused: {
    status: 403,
    oauth: 'access_denied',
    title: 'The success token is missing, expired, already used, or meant for something else.',
  },
  second_proof_required: {
    status: 403,
    oauth: 'mfa_required',
    title: 'A second proof of the customer is required.',
  },
  customer_not_verified: {
    status: 403,
    oauth: 'access_denied',
    title:
      'Verify the customer first, at /api/v2/clients/{clientId}/verifications. If that is impossible, state a reason: a second person must then approve.',
  },
  own_approval: {
    status: 403,
    oauth: 'access_denied',
    title: 'An action must be approved or rejected by another person than the one who requested it.',
  },
  owner_unknown: {
    status: 403,
    oauth: 'access_denied',
    title:
      'With four eyes, actions and approvals need a person: the client of this token, or of the request, names no owner.',
  },
  not_found: { status: 404, oauth: 'invalid_request', title: 'No such resource.' },
  method_not_allowed: { status: 405, oauth: 'invalid_request', title: 'This path does not allow the method.' },
  already_decided: {
    status: 409,
    oauth: 'invalid_request',
    title: 'The approval was already approved or rejected, or has expired.',
  },
  no_waiting_restore: {
    status: 409,
    oauth: 'invalid_request',
    title: 'No restore of this customer waits: none was opened, or it was completed, vetoed, or has expired.',
  },
  payload_too_large: { status: 413, oauth: 'invalid_request', title: 'The request body is over 16 KiB.' },
  unsupported_media_type: {
    status: 415,
    oauth: 'invalid_request',
    title: 'The content type is not supported.',
  },
  password_refused: { status: 422, oauth: 'invalid_request', title: 'The password policy refuses the new password.' },
  current_password_wrong: { status: 422, oauth: 'access_denied', title: 'The current password is wrong.' },
  too_many_requests: { status: 429, oauth: 'temporarily_unavailable', title: 'Too many requests. Try again later.' },
  headers_too_large: { status: 431, oauth: 'invalid_request', title: 'The request headers are too large.' },
  internal: { status: 500, oauth: 'server_error', title: 'An internal error occurred.' },
  unavailable: {
    status: 503,
    oauth: 'temporarily_unavailable',
    title: 'The service is temporarily unavailable. Try again shortly.',
  },
} as const satisfies Record<string, { status: number; oauth: string; title: string }>

export type ErrorCode = keyof typeof errors
export const errorCodes = Object.keys(errors) as ErrorCode[]

/** One validation error of one field, as problem documents list them. */
export interface FieldError {
  field: string
  code: string
  message: string
}

/** The token and the ways by which the holder of a grant gives the second proof; without a token there is no way. */
export interface SecondProofRequest {
  /** Names the second challenge. */
  mfaToken?: string
  /** Values of `challenge_type` that remain. */
  challengeTypes: string[]
  /** Until then a waiting restore of the customer sets no password. */
  waitsUntil?: string
}

interface Details {
  /** Replaces the title of the table as the description. */
  detail?: string
  fields?: FieldError[]
  /** Sent as `Retry-After`. */
  retryAfterSeconds?: number
  /** Size of the quota that is used up, sent as `RateLimit-Limit` and as `q` of `RateLimit-Policy`. */
  allowance?: number
  /** Name of that quota, and its window if it has one: sent in `RateLimit-Policy`. */
  policy?: { name: string; windowSeconds?: number }
  cause?: unknown
  /** Sent with `second_proof_required`. */
  secondProof?: SecondProofRequest
}

/** The error that domain code throws. It has a code of the table; the HTTP layer renders it. */
export class RekeyError extends Error {
  readonly code: ErrorCode
  readonly fields: FieldError[] | undefined
  readonly retryAfterSeconds: number | undefined
  readonly allowance: number | undefined
  readonly policy: Details['policy']
  readonly secondProof: SecondProofRequest | undefined

  constructor(
    code: ErrorCode,
    { detail, fields, retryAfterSeconds, allowance, policy, cause, secondProof }: Details = {},
  ) {
    super(detail ?? errors[code].title, { cause })
    this.name = 'RekeyError'
    this.code = code
    this.fields = fields
    this.retryAfterSeconds = retryAfterSeconds
    this.allowance = allowance
    this.policy = policy
    this.secondProof = secondProof
  }
}

/** The error if a store or the broker does not answer: the request is refused (ASVS 16.5.3) and may be retried. */
export const unavailable = (cause: unknown): RekeyError =>
  new RekeyError('unavailable', { retryAfterSeconds: 2, cause })

/** The error for a field that this request requires although the schema makes it optional. */
export const missingField = (field: string): RekeyError =>
  new RekeyError('invalid_request', {
    detail: `${field} is missing.`,
    fields: [{ field, code: 'missing', message: 'is missing' }],
  })

/** The resource that each id in a path identifies. */
const resources: Record<string, string> = {
  approvalId: 'approval',
  changeId: 'password change',
  clientId: 'customer',
  factorId: 'factor',
  handle: 'link',
  jobId: 'job',
  recordId: 'record',
  sessionId: 'session',
  verificationId: 'verification',
}

/** The error for an id in a path that identifies nothing. @param parameter its name in the path */
export const noSuchResource = (parameter: string): RekeyError =>
  new RekeyError('not_found', { detail: `There is no such ${resources[parameter] ?? 'resource'}.` })
