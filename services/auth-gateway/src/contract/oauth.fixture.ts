import type { TestCustomer } from '@rekey/test-support/customers'
import { askLogin, state } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import type { startRekey } from '@rekey/test-support/rekey'
import type { Test } from 'tap'

/** The description of access_denied, by RFC 6749 §4.1.2.1. */
export const denied = 'The resource owner or authorization server denied the request.'

export const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })

/** Checks for an OAuth error (RFC 6749 §5.2) that no cache stores. */
export const isOAuthError = (
  t: Test,
  answer: Answer,
  status: number,
  error: string,
  description: string | RegExp = /./,
) => {
  t.equal(answer.status, status, error)
  t.match(answer.body, { error, error_description: description })
  t.equal(answer.headers.get('cache-control'), 'no-store')
}

/** Signs a customer in, and returns the answer of A5. */
export const tokensOf = async (rekey: Awaited<ReturnType<typeof startRekey>>, customer: TestCustomer) => {
  const { answer, confirmation } = await askLogin(rekey, customer)
  const body = { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: confirmation, state }
  return (await rekey.http.post('/oauth/v2/token', body)).body
}
