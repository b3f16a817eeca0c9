/** Any answer but a 2xx, in the OAuth form (RFC 6749 §5.2), the problem form (RFC 9457), or a proxy's own. */
export class RekeyHttpError extends Error {
  readonly status: number
  /** The OAuth `error` or the problem's `code`; `unknown` where the answer has neither. */
  readonly code: string
  /** For developers, not for customers. */
  readonly description: string
  /** From `Retry-After`: with 429 and 503. */
  readonly retryAfterSeconds: number | undefined
  /** As parsed from JSON, or else the text as it came. */
  readonly body: unknown

  constructor(status: number, headers: Headers, body: unknown) {
    const { error, error_description, code, detail } = (body ?? {}) as Record<string, unknown>
    const knownCode = String(error ?? code ?? 'unknown')
    const description = String(error_description ?? detail ?? '')
    super(`${status} ${knownCode}${description && `: ${description}`}`)
    this.name = 'RekeyHttpError'
    this.status = status
    this.code = knownCode
    this.description = description
    const retryAfter = headers.get('retry-after')
    this.retryAfterSeconds = retryAfter && /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined
    this.body = body
  }
}
