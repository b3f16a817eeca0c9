import { randomUUID } from 'node:crypto'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { backOfficeToken, restoreBody, signInTokens } from '@rekey/test-support/flows'
import type { Processes } from '@rekey/test-support/processes'
import { readSigningKey } from '../forged-token.ts'
import { maskOf } from '../requests.ts'
import type { Known } from './fields.ts'

/** Customers, usernames and tokens of a running product: values that pass its schemas and token checks. */
export const knownValues = async (
  rekey: Processes,
): Promise<{ fields: Known; bearers: { customer: string; backOffice: string } }> => {
  const backOfficeBearer = { authorization: `Bearer ${await backOfficeToken(rekey)}` }
  // Before there are customers: the job resets none.
  const job = await rekey.http.post<{ jobId: string }>('/api/v2/clients/reset-password', {}, backOfficeBearer)
  const customers = await Promise.all(Array.from({ length: 20 }, () => createCustomer(rekey.postgres.url)))
  const [first, second] = customers
  if (!first || !second) throw new Error('no customers')
  // No request names this customer, not even by a random id: none of staff or of an RPC ends the session of the bearer.
  await sql(rekey.postgres.url, "SELECT setval(pg_get_serial_sequence('customer', 'id'), 1987654321)")
  const bearer = await createCustomer(rekey.postgres.url)
  const key = readSigningKey(rekey.keys.signingKeys)
  const seconds = () => Math.floor(Date.now() / 1_000)
  // The job ended every session that began in its second or before.
  const resetAt = seconds()
  await eventually(() => seconds() > resetAt, { what: 'the next second' })
  const iat = seconds()
  const mint = (claims: object = {}) =>
    key.sign({
      iss: rekey.url,
      aud: ['rekey:api'],
      sub: bearer.code,
      jti: randomUUID(),
      iat,
      exp: iat + 3_600,
      client_id: 'ib_localhost',
      scope: 'CUSTOMER:FULL',
      sid: randomUUID(),
      // Higher than any epoch of the run, so that the token stays valid.
      session_epoch: 2 ** 31 - 1,
      ...claims,
    })
  const backOffice = { sub: 'backend_fin', client_id: 'backend_fin', scope: 'REST:FULL', session_epoch: undefined }
  const grant = (purpose: 'change' | 'changeFactors') =>
    mint({
      aud: ['rekey:grant'],
      scope: purpose === 'change' ? 'CUSTOMER:PASSWORD:CHANGE' : 'CUSTOMER:FULL',
      purpose,
      challenge_id: randomUUID(),
    })
  const asked = await rekey.http.post('/oauth/v2/passwordRestore', restoreBody(second.email))
  const session = await signInTokens(rekey, second)
  const [emails, phones] = [customers.map(({ email }) => email), customers.map(({ phone }) => phone)]
  return {
    bearers: { customer: mint(), backOffice: mint(backOffice) },
    fields: {
      client_id: ['ib_localhost', 'ib_localhost', 'backend_fin'],
      client_secret: ['secretkey'],
      redirect_uri: ['http://localhost'],
      response_type: ['access_token', 'code', 'sign_token'],
      grant_type: ['mfa_oob', 'code', 'authorization_code', 'refresh_token', 'client_credentials'],
      scope: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:RESTORE CUSTOMER:FULL'],
      state: [String(asked.body.state)],
      username: [...emails, ...phones, 'nobody@example.com'],
      email: emails,
      phone: phones,
      password: [first.password, 'a good new password', 'e\u0301'.repeat(20)],
      currentPassword: [first.password],
      // Not the bearers: a fuzzed request may revoke these.
      token: [
        ...[mint(), mint({ sub: first.code }), mint(backOffice), grant('change')],
        ...[session.access_token, session.refresh_token, asked.body.mfa_token],
      ],
      mfa_token: [asked.body.mfa_token],
      refresh_token: [session.refresh_token],
      successtoken: [grant('change'), grant('changeFactors')],
      code: ['123456', 123_456],
      challenge_type: [`oob:email:${maskOf(second.email)}`],
      jobId: [job.body.jobId],
      clientId: customers.map(({ id }) => id),
      customerId: customers.map(({ id }) => id),
      customer: customers.map(({ code }) => code),
    },
  }
}
