import type { TestCustomer } from '@rekey/test-support/customers'
import { claimsOf, loginBody, restoreBody, verificationBody } from '@rekey/test-support/flows'
import { isUnknown } from './client-log.ts'
import { type Deps, JourneyAbandoned, type Person, type Request, type Steps } from './journey-steps.ts'

/** B2 by a success token. */
export const restoreRequest =
  (successToken: unknown) =>
  (password: string): Request => ({
    path: '/api/v2/my/password/restore',
    headers: { successToken: String(successToken) },
    body: { password },
  })

/** The first proofs of a restore and of a sign-in. */
export const createProofSteps = (
  { client, clientLog }: Deps,
  { requestCode, resendCode, confirmationOf, sendCode, grantOf }: Steps,
) => ({
  /** A1 and A2: the grant of a restore by the code that came to an address. */
  async proveAddress(person: Person, to: string, responseType: 'sign_token' | 'access_token' = 'sign_token') {
    const first = await requestCode(to, {
      step: 'A1 restore',
      path: '/oauth/v2/passwordRestore',
      body: restoreBody(to),
    })
    const promised = await resendCode(first)
    const code = await confirmationOf(promised)
    const body = await sendCode(person, promised, 'A2 verify', code, (code) => ({
      path: '/oauth/v2/passwordRestoreVerification',
      body: verificationBody(promised.token, code, { response_type: responseType }),
    }))
    const token = String(body[responseType])
    return { grant: grantOf(person.customer, 'restore', token), token, responseType }
  },

  /**
   * A4 with the last acknowledged password.
   *
   * @returns the answer, and a function that records the tokens of the sign-in and returns its access token
   */
  async givePassword(customer: TestCustomer, password: string) {
    const grantsBefore = clientLog.grants.filter((grant) => grant.customer === customer).length
    const { status, body } = await client.callUntilAnswered({
      step: 'A4 sign in',
      path: '/oauth/v2/login',
      body: loginBody({ email: customer.email, password }),
    })
    clientLog.rightPasswords.tried += 1
    if (status !== 200) {
      if (!isUnknown(status)) clientLog.rightPasswords.refused.push(`${customer.code}: ${status}`)
      throw new JourneyAbandoned(`A4: ${status}`)
    }
    const keep = (tokens: Record<string, unknown>): string => {
      const accessToken = String(tokens.access_token)
      const { sid, exp } = claimsOf(accessToken)
      clientLog.signIns.push({
        customer,
        session: String(sid),
        accessToken,
        accessExpiresAt: new Date(Number(exp) * 1_000),
        refreshToken: String(tokens.refresh_token),
        grantsBefore,
      })
      return accessToken
    }
    return { body, keep }
  },
})

export type ProofSteps = ReturnType<typeof createProofSteps>
