import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  backOfficeToken,
  change,
  changeGrant,
  claimsOf,
  restore,
  restoreGrant,
  signInTokens,
} from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// The tests of this folder wait for a refusal as long as a busy machine needs. This proof allows the second of S21.

const limitMs = 1_000

const rekey = await startRekey(t)
const passwordService = createHttp(rekey.passwordServiceUrl)
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** A proxied route, a route of the gateway itself, and the password-service behind the gateway. */
const places = {
  proxy: (token: string) => rekey.http.get('/api/v2/my/password/changes', bearer(token)),
  gateway: (token: string) => rekey.http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', bearer(token)),
  'password-service': (token: string) => passwordService.get('/api/v2/my/password/changes', bearer(token)),
}

type Customer = Awaited<ReturnType<typeof createCustomer>>

/** Each ends the session of the given token, and resolves with the status of the answer. */
const operations = {
  restore: async (customer: Customer) =>
    (await restore(rekey, await restoreGrant(rekey, customer), 'a new password')).status,
  change: async (customer: Customer) => {
    const { access_token } = await signInTokens(rekey, customer)
    return (await change(rekey, access_token, await changeGrant(rekey, customer, access_token), 'a new password'))
      .status
  },
  'end of one session': async (customer: Customer, token: string) => {
    const { access_token } = await signInTokens(rekey, customer)
    return (await rekey.http.send('DELETE', `/api/v2/my/sessions/${claimsOf(token).sid}`, bearer(access_token))).status
  },
  'end of all others': async (customer: Customer) => {
    const { access_token } = await signInTokens(rekey, customer)
    return (await rekey.http.send('DELETE', '/api/v2/my/sessions', bearer(access_token))).status
  },
  'end of all by the back office': async ({ id }: Customer) =>
    (await rekey.http.send('DELETE', `/api/v2/clients/${id}/sessions`, bearer(await backOfficeToken(rekey)))).status,
  revocation: async (_customer: Customer, token: string) =>
    (await rekey.http.post('/oauth/v2/revoke', { token, client_id: 'ib_localhost' })).status,
}

for (const [operation, endSession] of Object.entries(operations)) {
  t.test(`S21: a ${operation} ends a session everywhere within a second`, async (t) => {
    for (let round = 0; round < 5; round += 1) {
      const customer = await createCustomer(rekey.postgres.url)
      const { access_token } = await signInTokens(rekey, customer)
      t.equal(await endSession(customer, access_token), operation === 'revocation' ? 200 : 204)
      const endedAt = performance.now()
      for (const [place, ask] of Object.entries(places)) {
        await eventually(async () => (await ask(access_token)).status === 401, { what: `a refusal by the ${place}` })
        const ms = Math.round(performance.now() - endedAt)
        t.ok(ms <= limitMs, `${place}: after ${ms} ms`)
      }
    }
  })
}
