/** An answer whose status is not 2xx, in the OAuth form (RFC 6749 §5.2), the problem form (RFC 9457), or that of a proxy. */
export class RekeyHttpError extends Error {
  readonly status: number
  /** The OAuth `error` or the problem's `code`; `unknown` if the body has neither. */
  readonly code: string
  /** For developers, not for customers. */
  readonly description: string
  /** From `Retry-After`, which 429 and 503 have. */
  readonly retryAfterSeconds: number | undefined
  /** Parsed JSON, or the text if it is not JSON. */
  readonly body: unknown

  constructor(status: number, headers: Headers, body: unknown) {
    const { error, error_description, code, detail } = (body ?? {}) as Record<string, unknown>
    const errorCode = String(error ?? code ?? 'unknown')
    const description = String(error_description ?? detail ?? '')
    super(`${status} ${errorCode}${description && `: ${description}`}`)
    this.name = 'RekeyHttpError'
    this.status = status
    this.code = errorCode
    this.description = description
    const retryAfter = headers.get('retry-after')
    this.retryAfterSeconds = retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined
    this.body = body
  }
}
