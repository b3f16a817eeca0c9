import {
  type ErrorCode,
  errors,
  ListPasswordChanges,
  type Page,
  type PasswordChange,
  Problem,
  RekeyError,
  unavailable,
} from '@rekey/contracts'
import { inHttpSpan } from '@rekey/platform/http-client-span'
import type { Fetch } from '@rekey/platform/part-fetch'
import { currentTrace } from '@rekey/platform/trace'
import { compileCheck } from '@rekey/platform/validation'

/**
 * Longer than for a program: a person whose change has an unknown result must find out by a sign-in. Shorter than the
 * time that a press may take (layout/page-state.ts).
 */
const timeoutMs = 10_000

interface Call {
  method: 'GET' | 'POST' | 'DELETE'
  path: string
  accessToken: string
  successToken?: string
  body?: object
  /** The customer's address. */
  address: string
}

const isProblem = compileCheck(Problem)
const isHistory = compileCheck(ListPasswordChanges.response[200])

const parse = (text: string): unknown => {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The error of an answer; `unavailable` if something in front of the password-service gave it. */
const toError = (status: number, body: unknown, retryAfter: string | null): RekeyError => {
  const cause = new Error(`the password-service answered with ${status}`)
  if (!isProblem(body)) return unavailable(cause)
  const { code, detail, errors: fields = [], mfaToken, challengeTypes } = body as Problem
  if (!Object.hasOwn(errors, code)) return unavailable(cause)
  const retryAfterSeconds = Number(retryAfter)
  return new RekeyError(code as ErrorCode, {
    detail,
    fields,
    ...(challengeTypes && { secondProof: { ...(mfaToken !== undefined && { mfaToken }), challengeTypes } }),
    ...(retryAfter !== null && Number.isSafeInteger(retryAfterSeconds) && { retryAfterSeconds }),
    cause,
  })
}

interface Options {
  upstream: string
  /** Sends requests to the password-service. */
  fetch: Fetch
}

/**
 * The password-service's endpoints for a signed-in customer, called like a forwarded request. Each method throws the
 * endpoint's RekeyError, or unavailable.
 */
export const createPasswordServiceClient = ({ upstream, fetch }: Options) => {
  const base = upstream.replace(/\/$/, '')

  const send = ({ method, path, accessToken, successToken, body, address }: Call) => {
    const trace = currentTrace()
    return fetch(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${accessToken}`,
        // A stopping instance may close a reused connection during the request: its result would be unknown.
        connection: 'close',
        'x-forwarded-for': address,
        ...(successToken !== undefined && { successtoken: successToken }),
        ...(body && { 'content-type': 'application/json' }),
        ...(trace && { traceparent: trace }),
      },
      ...(body && { body: JSON.stringify(body) }),
      // A redirect would send the token and the password to another host.
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    })
  }

  const call = async (request: Call): Promise<unknown> => {
    const [path = ''] = request.path.split('?')
    const answered = await inHttpSpan(request.method, path, () => send(request))
      .then(async (answer) => ({ answer, read: parse(await answer.text()) }))
      .catch((cause) => {
        throw unavailable(cause)
      })
    const { answer, read } = answered
    if (!answer.ok) throw toError(answer.status, read, answer.headers.get('retry-after'))
    return read
  }

  return {
    /** B1. */
    async changePassword(
      tokens: Pick<Call, 'accessToken' | 'successToken'>,
      passwords: { password: string; currentPassword: string },
      address: string,
    ): Promise<void> {
      await call({ method: 'POST', path: '/api/v2/my/password/change', ...tokens, body: passwords, address })
    },

    /** B3. */
    async listChanges(
      accessToken: string,
      { limit, offset }: Pick<Page, 'limit' | 'offset'>,
      address: string,
    ): Promise<{ total: number; data: PasswordChange[] }> {
      const path = `/api/v2/my/password/changes?limit=${limit}&offset=${offset}`
      const history = await call({ method: 'GET', path, accessToken, address })
      if (!isHistory(history)) throw unavailable(new Error('the history does not match the contract'))
      return history as { total: number; data: PasswordChange[] }
    },

    /** B12. */
    async endOtherSessions(accessToken: string, address: string): Promise<void> {
      await call({ method: 'DELETE', path: '/api/v2/my/sessions', accessToken, address })
    },
  }
}

export type PasswordServiceClient = ReturnType<typeof createPasswordServiceClient>
