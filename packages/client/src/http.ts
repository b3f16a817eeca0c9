import { RekeyHttpError } from './http-error.ts'

interface Call {
  accessToken?: string
  /** Sent by HTTP Basic (RFC 6749 §2.3.1). */
  client?: { clientId: string; clientSecret: string }
  /** Sent in the `successToken` header. */
  successToken?: string
  query?: Record<string, string | number | undefined>
  body?: object
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const toQuery = (query: NonNullable<Call['query']>): string => {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  return parameters.size > 0 ? `?${parameters}` : ''
}

/** Each part is form-encoded, so that any character may be in it. */
const basicOf = ({ clientId, clientSecret }: NonNullable<Call['client']>): string =>
  `Basic ${btoa(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)}`

/** Sends one request and returns the parsed body. @throws RekeyHttpError if the status is not 2xx */
export const createHttp =
  (baseUrl: string, fetch: typeof globalThis.fetch) =>
  async <Answer>(
    method: string,
    path: string,
    { accessToken, client, successToken, query = {}, body }: Call,
  ): Promise<Answer> => {
    const response = await fetch(`${baseUrl.replace(/\/+$/, '')}${path}${toQuery(query)}`, {
      method,
      headers: {
        accept: 'application/json, application/problem+json',
        ...(body && { 'content-type': 'application/json' }),
        ...(accessToken && { authorization: `Bearer ${accessToken}` }),
        ...(client && { authorization: basicOf(client) }),
        ...(successToken && { successToken }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // The API never redirects; following one would carry a success token to another host.
      redirect: 'error',
    })
    const answer = parse(await response.text())
    if (!response.ok) throw new RekeyHttpError(response.status, response.headers, answer)
    return answer as Answer
  }
