import {
  EnrolPasskey,
  EnrolTotp,
  type EnrolTotpAnswer,
  type ErrorCode,
  errors,
  type Factor,
  type FactorList,
  IssueRecoveryCodes,
  ListFactors,
  ListPasswordChanges,
  type Page,
  type PasskeyAttestation,
  type PasskeyCreation,
  type PasswordChange,
  Problem,
  RekeyError,
  RequestPasskeyCreation,
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

/** A request that needs a fresh proof has both. */
type Tokens = Pick<Call, 'accessToken'> & { successToken: string }

const isProblem = compileCheck(Problem)
const isHistory = compileCheck(ListPasswordChanges.response[200])
const isFactors = compileCheck(ListFactors.response[200])
const isEnrolment = compileCheck(EnrolTotp.response[201])
const isCreation = compileCheck(RequestPasskeyCreation.response[200])
const isEnrolled = compileCheck(EnrolPasskey.response[201])
const isCodes = compileCheck(IssueRecoveryCodes.response[201])

const factors = '/api/v2/my/factors'

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
      tokens: Tokens,
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

    /** C1. */
    async listFactors(tokens: Tokens, address: string): Promise<Factor[]> {
      const list = await call({ method: 'GET', path: factors, ...tokens, address })
      if (!isFactors(list)) throw unavailable(new Error('the list of factors does not match the contract'))
      return (list as FactorList).data
    },

    /** C2. */
    async enrolTotp(tokens: Tokens, label: string, address: string): Promise<EnrolTotpAnswer> {
      const answer = await call({ method: 'POST', path: `${factors}/totp`, ...tokens, body: { label }, address })
      if (!isEnrolment(answer)) throw unavailable(new Error('the enrolment does not match the contract'))
      return answer as EnrolTotpAnswer
    },

    /** C3. */
    async confirmTotp(tokens: Tokens, { id, code }: { id: string; code: string }, address: string): Promise<void> {
      await call({ method: 'POST', path: `${factors}/totp/${id}/confirm`, ...tokens, body: { code }, address })
    },

    /** C4. */
    async requestPasskeyCreation(tokens: Tokens, address: string): Promise<PasskeyCreation> {
      const answer = await call({ method: 'POST', path: `${factors}/passkey/options`, ...tokens, address })
      if (!isCreation(answer)) throw unavailable(new Error('the options of a passkey do not match the contract'))
      return answer as PasskeyCreation
    },

    /** C4. */
    async enrolPasskey(
      tokens: Tokens,
      made: { label: string; credential: PasskeyAttestation },
      address: string,
    ): Promise<void> {
      const answer = await call({ method: 'POST', path: `${factors}/passkey`, ...tokens, body: made, address })
      if (!isEnrolled(answer)) throw unavailable(new Error('the passkey does not match the contract'))
    },

    /** C5. */
    async issueRecoveryCodes(tokens: Tokens, address: string): Promise<string[]> {
      const answer = await call({ method: 'POST', path: `${factors}/recovery-codes`, ...tokens, address })
      if (!isCodes(answer)) throw unavailable(new Error('the recovery codes do not match the contract'))
      return (answer as { codes: string[] }).codes
    },

    /** C6. */
    async removeFactor(tokens: Tokens, id: string, address: string): Promise<void> {
      await call({ method: 'DELETE', path: `${factors}/${id}`, ...tokens, address })
    },

    /** B12. */
    async endOtherSessions(accessToken: string, address: string): Promise<void> {
      await call({ method: 'DELETE', path: '/api/v2/my/sessions', accessToken, address })
    },
  }
}

export type PasswordServiceClient = ReturnType<typeof createPasswordServiceClient>
