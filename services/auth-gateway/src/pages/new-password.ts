import { Problem, RekeyError, unavailable } from '@rekey/contracts'
import { currentTrace } from '@rekey/platform/trace'
import { compileCheck } from '@rekey/platform/validation'

/**
 * B2: sets a new password with a success token alone.
 *
 * @throws RekeyError password_refused (with every reason, and the token still good), success_token_refused,
 * payload_too_large (in JSON it takes more room than in a form), unavailable
 */
export type SetNewPassword = (successToken: string, password: string, address: string) => Promise<void>

/** As long as forwarded requests may take. */
const answerTimeoutMs = 5_000

const isProblem = compileCheck(Problem)

/** What the password-service says of its refusal; undefined where it was refused by what stands before it. */
const readProblem = (text: string): Problem | undefined => {
  try {
    const body: unknown = JSON.parse(text)
    return isProblem(body) ? (body as Problem) : undefined
  } catch {
    return undefined
  }
}

/** Asks the password-service as a forwarded request does: it sees the customer's address and the trace goes on. */
export const createSetNewPassword = ({ upstream }: { upstream: string }): SetNewPassword => {
  const url = `${upstream.replace(/\/$/, '')}/api/v2/my/password/restore`
  const ask = async (successToken: string, password: string, address: string) => {
    const trace = currentTrace()
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          // One that was kept may be hung up on just now, by an instance that stops: whether it was done is then unknown.
          connection: 'close',
          successtoken: successToken,
          'x-forwarded-for': address,
          ...(trace && { traceparent: trace }),
        },
        body: JSON.stringify({ password }),
        // Another host is not the one that the token and the password are for.
        redirect: 'error',
        signal: AbortSignal.timeout(answerTimeoutMs),
      })
      return { status: answer.status, text: await answer.text() }
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  return async (successToken, password, address) => {
    const { status, text } = await ask(successToken, password, address)
    if (status === 204) return
    if (status === 413) throw new RekeyError('payload_too_large')
    if (status === 403) throw new RekeyError('success_token_refused')
    const cause = new Error(`the password-service answered with ${status}`)
    if (status === 422 || status === 400) {
      const problem = readProblem(text)
      if (!problem) throw unavailable(cause)
      throw new RekeyError('password_refused', { detail: problem.detail, fields: problem.errors ?? [] })
    }
    throw status === 429 || status === 503 ? unavailable(cause) : cause
  }
}
