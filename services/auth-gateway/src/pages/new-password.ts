import { Problem, RekeyError, unavailable } from '@rekey/contracts'
import { inHttpSpan } from '@rekey/platform/http-client-span'
import type { Fetch } from '@rekey/platform/part-fetch'
import { currentTrace } from '@rekey/platform/trace'
import { compileCheck } from '@rekey/platform/validation'
import { answerTimeoutMs } from '../forwarding/upstream.ts'

/**
 * B2: sets a new password with a success token.
 *
 * @throws RekeyError password_refused (with every reason; the token stays valid), success_token_refused,
 * second_proof_required (the token stays valid),
 * payload_too_large (JSON is longer than the form), unavailable
 */
export type SetNewPassword = (successToken: string, password: string, address: string) => Promise<void>

const isProblem = compileCheck(Problem)

/** The password-service's problem document; undefined if something in front of it refused the request. */
const readProblem = (text: string): Problem | undefined => {
  try {
    const body: unknown = JSON.parse(text)
    return isProblem(body) ? (body as Problem) : undefined
  } catch {
    return undefined
  }
}

/** The refusal of a grant: it cannot be used, or needs a second proof. */
const refusalOf = ({ code, mfaToken, challengeTypes = [], waitsUntil }: Partial<Problem> = {}): RekeyError => {
  if (code !== 'second_proof_required') return new RekeyError('success_token_refused')
  const secondProof = {
    ...(mfaToken !== undefined && { mfaToken }),
    challengeTypes,
    ...(waitsUntil !== undefined && { waitsUntil }),
  }
  return new RekeyError(code, { secondProof })
}

interface Options {
  upstream: string
  /** Sends requests to the password-service. */
  fetch: Fetch
}

/** Calls the password-service like a forwarded request, with the customer's address and the trace. */
export const createSetNewPassword = ({ upstream, fetch }: Options): SetNewPassword => {
  const url = `${upstream.replace(/\/$/, '')}/api/v2/my/password/restore`
  const post = async (successToken: string, password: string, address: string) => {
    const send = () => {
      const trace = currentTrace()
      return fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          // A stopping instance may close a reused connection during the request: its result would be unknown.
          connection: 'close',
          successtoken: successToken,
          'x-forwarded-for': address,
          ...(trace && { traceparent: trace }),
        },
        body: JSON.stringify({ password }),
        // A redirect would send the token and the password to another host.
        redirect: 'error',
        signal: AbortSignal.timeout(answerTimeoutMs),
      })
    }
    try {
      const answer = await inHttpSpan('POST', '/api/v2/my/password/restore', send)
      return { status: answer.status, text: await answer.text() }
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  return async (successToken, password, address) => {
    const { status, text } = await post(successToken, password, address)
    if (status === 204) return
    if (status === 413) throw new RekeyError('payload_too_large')
    if (status === 403) throw refusalOf(readProblem(text))
    const cause = new Error(`the password-service answered with ${status}`)
    if (status === 422 || status === 400) {
      const problem = readProblem(text)
      if (!problem) throw unavailable(cause)
      throw new RekeyError('password_refused', { detail: problem.detail, fields: problem.errors ?? [] })
    }
    throw status === 429 || status === 503 ? unavailable(cause) : cause
  }
}
