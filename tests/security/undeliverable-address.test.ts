import { randomUUID } from 'node:crypto'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { loginBody, restoreBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

t.test('S11: an address that no mail server takes is answered as an unknown one, stored or not', async (t) => {
  const rekey = await startRekey(t)
  const customer = await createCustomer(rekey.postgres.url)
  const odd = () => `a..b${randomUUID()}@example.com`
  const [stored, unknown] = [odd(), odd()]
  // Imports of the version before took it.
  await sql(rekey.postgres.url, `UPDATE identifier SET value = $1 WHERE customer_id = $2 AND kind = 'email'`, [
    stored,
    customer.id,
  ])
  const ask = {
    A1: (email: string) => rekey.http.post('/oauth/v2/passwordRestore', restoreBody(email)),
    'A4, wrong password': (email: string) =>
      rekey.http.post('/oauth/v2/login', loginBody({ email, password: 'a wrong password' })),
    B5b: (email: string) =>
      rekey.http.get(`/api/v2/my/2fa/challenge?businessProcess=restorePassword&username=${encodeURIComponent(email)}`),
  }
  for (const [endpoint, send] of Object.entries(ask)) {
    const [known, none] = [await send(stored), await send(unknown)]
    t.equal(known.status, none.status, endpoint)
    t.same(Object.keys(known.body), Object.keys(none.body), endpoint)
  }
})
