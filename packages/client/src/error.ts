import type { ErrorCode } from './contract.ts'

/**
 * `network_error`: no answer came. `timeout`: the call took longer than its time-out. `unexpected_answer`: the answer is
 * not Rekey's, for example a proxy's page. `callback_refused`: the URL of a callback does not belong to the authorization
 * request.
 */
export type RekeyErrorCode = ErrorCode | 'network_error' | 'timeout' | 'unexpected_answer' | 'callback_refused'

/** One field of a request that was refused, and why. */
export interface FieldError {
  field: string
  /** For a refused password: `too_short`, `common`, `breached`, … */
  code: string
  message: string
}

interface Details {
  status?: number
  description?: string
  fields?: FieldError[]
  retryAfterSeconds?: number | undefined
  body?: unknown
  cause?: unknown
}

/**
 * A call that failed. Decide by `code`; a newer gateway may send further codes, so keep a default branch.
 *
 * A call that its caller aborted rejects with the reason of the `AbortSignal` instead.
 */
export class RekeyError extends Error {
  override readonly name = 'RekeyError'
  readonly code: RekeyErrorCode
  /** HTTP status; 0 if no answer came. */
  readonly status: number
  /** For developers, not for customers. */
  readonly description: string
  /** Each field that was refused; for a refused password each reason. Often empty. */
  readonly fields: FieldError[]
  /** From `Retry-After`, which 429 and 503 have. */
  readonly retryAfterSeconds: number | undefined
  /** Parsed JSON, or the text if it is not JSON. */
  readonly body: unknown

  constructor(code: RekeyErrorCode, details: Details = {}) {
    const { status = 0, description = '', fields = [], retryAfterSeconds, body, cause } = details
    super(`${status ? `${status} ` : ''}${code}${description && `: ${description}`}`, { cause })
    this.code = code
    this.status = status
    this.description = description
    this.fields = fields
    this.retryAfterSeconds = retryAfterSeconds
    this.body = body
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Reads an answer in the OAuth form (RFC 6749 §5.2), the problem form (RFC 9457), or that of a proxy. */
export const errorOf = (status: number, headers: Headers, body: unknown): RekeyError => {
  const { error, error_description, code, detail, errors } = Object(body) as Record<string, unknown>
  const retryAfter = headers.get('retry-after') ?? ''
  return new RekeyError((textOf(error) || textOf(code) || 'unexpected_answer') as RekeyErrorCode, {
    status,
    description: textOf(error_description) || textOf(detail),
    fields: Array.isArray(errors) ? errors : [],
    retryAfterSeconds: /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
    body,
  })
}
