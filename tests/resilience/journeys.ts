import { addressOf, claimsOf, loginBody, restoreBody, state, verificationBody } from '@rekey/test-support/flows'
import { isUnknown } from './client-log.ts'
import { createSteps, type Deps, JourneyAbandoned, oneIn, type Person } from './journey-steps.ts'

/** Complete restores and changes of customers, by the published contracts. */
export const createJourneys = (deps: Deps) => {
  const { client, clientLog } = deps
  const { requestCode, resendCode, confirmationOf, sendCode, grantOf, setPassword } = createSteps(deps)
  const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })

  return {
    /** A1, A2 and B2, or A3 with a password. */
    async restoreByBank(person: Person) {
      const { customer } = person
      const to = oneIn(6) ? customer.phone : customer.email
      const first = await requestCode(to, {
        step: 'A1 restore',
        path: '/oauth/v2/passwordRestore',
        body: restoreBody(to),
      })
      const promised = await resendCode(first)
      const code = await confirmationOf(promised)
      const response_type = oneIn(3) ? 'access_token' : 'sign_token'
      const body = await sendCode(person, promised, 'A2 verify', code, (code) => ({
        path: '/oauth/v2/passwordRestoreVerification',
        body: verificationBody(promised.token, code, { response_type }),
      }))
      const grant = grantOf(customer, 'restore', body[response_type])
      if (response_type === 'sign_token') {
        return setPassword(person, grant, 'B2 restore', (password) => ({
          path: '/api/v2/my/password/restore',
          headers: { successToken: String(body.sign_token) },
          body: { password },
        }))
      }
      return setPassword(person, grant, 'A3 reset', (password) => ({
        path: '/oauth/v2/passwordRestoreReset',
        headers: bearer(body.access_token),
        body: { client_timezone: '-3', ip: '::1', response_type: 'code', source_system: 'IB', password },
      }))
    },

    /** B5b, B6 and B2. */
    async restoreByBroker(person: Person) {
      const { customer } = person
      const query = new URLSearchParams({ businessProcess: 'restorePassword', email: customer.email })
      const path = `/api/v2/my/2fa/unauthorized/challenge?${query}`
      const promised = await requestCode(customer.email, { step: 'B5b restore', method: 'GET', path })
      const body = await sendCode(person, promised, 'B6 verify', await confirmationOf(promised), (code) => ({
        path: '/api/v2/my/2fa/challenge',
        body: { token: promised.token, code },
      }))
      await setPassword(person, grantOf(customer, 'restore', body.successToken), 'B2 restore', (password) => ({
        path: '/api/v2/my/password/restore',
        headers: { successToken: String(body.successToken) },
        body: { password },
      }))
    },

    /** A4, A4b and A5, then B5, B6 and B1. */
    async change(person: Person, password: string) {
      const { customer } = person
      const grantsBefore = clientLog.grants.filter((grant) => grant.customer === customer).length
      const login = await client.callUntilAnswered({
        step: 'A4 sign in',
        path: '/oauth/v2/login',
        body: loginBody({ email: customer.email, password }),
      })
      clientLog.rightPasswords.tried += 1
      if (login.status !== 200) {
        if (!isUnknown(login.status)) clientLog.rightPasswords.refused.push(`${customer.code}: ${login.status}`)
        throw new JourneyAbandoned(`A4: ${login.status}`)
      }
      const [device] = login.body.challenge_type as string[]
      const sent = await requestCode(addressOf(device, customer), {
        step: 'A4b send',
        path: '/oauth/v2/challenge',
        body: {
          challenge_type: device,
          client_timezone: '-3',
          mfa_token: login.body.mfa_token,
          response_type: 'code',
          state,
        },
      })
      const tokens = await sendCode(person, sent, 'A5 token', await confirmationOf(sent), (code) => ({
        path: '/oauth/v2/token',
        body: { grant_type: 'mfa_oob', mfa_token: sent.token, code },
      }))
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

      const promised = await requestCode(customer.email, {
        step: 'B5 change',
        method: 'GET',
        path: '/api/v2/my/2fa/challenge?businessProcess=changePassword',
        headers: bearer(accessToken),
      })
      const body = await sendCode(person, promised, 'B6 verify', await confirmationOf(promised), (code) => ({
        path: '/api/v2/my/2fa/challenge',
        body: { token: promised.token, code },
      }))
      await setPassword(person, grantOf(customer, 'change', body.successToken), 'B1 change', (password) => ({
        path: '/api/v2/my/password/change',
        headers: { ...bearer(accessToken), successToken: String(body.successToken) },
        body: { password },
      }))
    },
  }
}

export type Journeys = ReturnType<typeof createJourneys>
