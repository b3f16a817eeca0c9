import { scopes } from '@rekey/contracts'
import type { Answer } from '@rekey/test-support/http'
import { startPasswordService } from '@rekey/test-support/password-service'
import type { Test } from 'tap'

export const json = { 'content-type': 'application/json' }

/** Starts a password-service with one customer, and bearer tokens of the customer and of the back office. */
export const startWithCustomer = async (t: Test) => {
  const service = await startPasswordService(t)
  const customer = await service.customer()
  const { http, bearer, grant } = service
  return {
    service,
    http,
    grant,
    customer,
    authorization: bearer(customer.code),
    backOffice: bearer('backend_fin', scopes.backOffice),
  }
}

/** Asserts that an answer is a problem document (RFC 9457) with this status. */
export const isProblem = (t: Test, { status, headers, body }: Answer, expected: number, what: string) => {
  t.equal(status, expected, what)
  t.match(headers.get('content-type'), /^application\/problem\+json/, what)
  t.equal(headers.get('cache-control'), 'no-store', what)
  t.match(body, { status: expected, code: String, title: String, detail: String, type: String }, what)
}
