import { randomUUID } from 'node:crypto'
import { login, restoreBody, state, verificationBody } from '@rekey/test-support/flows'
import type { Http } from '@rekey/test-support/http'
import { createVisitor } from '@rekey/test-support/visitor'

/** An e-mail address without an account, of the same form as those of test customers. */
export const unknownEmail = () => `t${randomUUID().replaceAll('-', '')}@example.com`

/** A wrong code: right ones have six digits. */
export const wrong = '0000001'

/** The masked form of a test customer's e-mail address, or of an {@link unknownEmail}. */
export const maskOf = (email: string) => `t*${email.split('@')[0]?.at(-1)}@example.com`

/** A compact JWT within a text. */
export const compactToken = /eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+/g

/** Requests that need only a username, named by their number in the contracts, and the forms of the pages. */
export const createRequests = ({ http }: { http: Http }) => {
  const a4b = (mfaToken: unknown, device: string) =>
    http.post('/oauth/v2/challenge', {
      challenge_type: device,
      client_timezone: '-3',
      mfa_token: mfaToken,
      response_type: 'code',
      state,
    })
  return {
    http,
    a1: (username: string, other: object = {}) => http.post('/oauth/v2/passwordRestore', restoreBody(username, other)),
    a2: (mfaToken: unknown, code: string, other: object = {}) =>
      http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code, other)),
    /** Retries after a 503: other tests keep the cores busy with hashes. */
    a4: (email: string, password: string) => login({ http }, { email, password }),
    a4b,
    /** A4b for a restore by e-mail: resends the code. */
    resend: (mfaToken: unknown, email: string) => a4b(mfaToken, `oob:email:${maskOf(email)}`),
    b5b: (query: { email: string } | { phone: string }) =>
      http.get(
        `/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&${new URLSearchParams({ ...query })}`,
      ),
    b6: (token: unknown, code: string) => http.post('/api/v2/my/2fa/challenge', { token, code }),
    /** A browser without scripts, for the pages. */
    pages: () => createVisitor(http),
  }
}
