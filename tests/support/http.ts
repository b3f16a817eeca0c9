/** A response with its whole body. */
export interface Answer<Body = Record<string, unknown>> {
  status: number
  headers: Headers
  text: string
  /** Parsed if it is JSON, else empty. */
  body: Body
}

type Fields = Record<string, unknown>

/** Reads a response with its whole body. */
export const read = async <Body = Fields>(response: Response): Promise<Answer<Body>> => {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json')
  return {
    status: response.status,
    headers: new Headers(response.headers),
    text,
    body: (isJson && text ? JSON.parse(text) : {}) as Body,
  }
}

/** An HTTP client of one origin, which follows no redirect. `timeoutMs`: the limit of each request. */
export const createHttp = (origin: string, { timeoutMs }: { timeoutMs?: number } = {}) => {
  const send = async <Body = Fields>(method: string, path: string, headers: Fields = {}, body?: string | Buffer) =>
    read<Body>(
      await fetch(`${origin}${path}`, {
        method,
        redirect: 'manual',
        headers: headers as Record<string, string>,
        ...(body !== undefined && { body }),
        ...(timeoutMs !== undefined && { signal: AbortSignal.timeout(timeoutMs) }),
      }),
    )
  return {
    send,
    get: <Body = Fields>(path: string, headers: Fields = {}) => send<Body>('GET', path, headers),
    post: <Body = Fields>(path: string, body: unknown, headers: Fields = {}) =>
      send<Body>('POST', path, { 'content-type': 'application/json', ...headers }, JSON.stringify(body)),
  }
}

export type Http = ReturnType<typeof createHttp>
