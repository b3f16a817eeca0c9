import { addressOf } from '@rekey/test-support/flows'
import { type Deps, oneIn, type Person, type Steps, wayRequest } from './journey-steps.ts'
import { createProofSteps, restoreRequest } from './proof-steps.ts'

/** Complete restores and changes of customers, by the published contracts. */
export const createJourneys = (deps: Deps, steps: Steps) => {
  const { requestCode, confirmationOf, sendCode, grantOf, setPassword } = steps
  const { proveAddress, givePassword } = createProofSteps(deps, steps)
  const bearer = (token: unknown) => ({ authorization: `Bearer ${token}` })

  return {
    /** A1, A2 and B2, or A3 with a password. */
    async restoreByBank(person: Person) {
      const to = oneIn(6) ? person.customer.phone : person.customer.email
      const { grant, token, responseType } = await proveAddress(person, to, oneIn(3) ? 'access_token' : 'sign_token')
      if (responseType === 'sign_token') return setPassword(person, grant, 'B2 restore', restoreRequest(token))
      return setPassword(person, grant, 'A3 reset', (password) => ({
        path: '/oauth/v2/passwordRestoreReset',
        headers: bearer(token),
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
      const grant = grantOf(customer, 'restore', body.successToken)
      await setPassword(person, grant, 'B2 restore', restoreRequest(body.successToken))
    },

    /** A4, A4b and A5, then B5, B6 and B1. */
    async change(person: Person, password: string) {
      const { customer } = person
      const { keep, body: offered } = await givePassword(customer, password)
      const [device] = offered.challenge_type as string[]
      const sent = await requestCode(addressOf(device, customer), {
        step: 'A4b send',
        ...wayRequest(offered.mfa_token, device),
      })
      const tokens = await sendCode(person, sent, 'A5 token', await confirmationOf(sent), (code) => ({
        path: '/oauth/v2/token',
        body: { grant_type: 'mfa_oob', mfa_token: sent.token, code },
      }))
      const accessToken = keep(tokens)

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
