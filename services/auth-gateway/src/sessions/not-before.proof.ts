import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, backOfficeToken, signInTokens } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// A reset of all customers ends every session within a second, however many customers there are: 20,000 here, of whom the
// job reaches the one with the session last.

const customers = 20_000
const limitMs = 1_000
const rounds = 3

t.test(`S21: a reset of ${customers} customers ends the last one's session everywhere within a second`, async (t) => {
  const rekey = await startRekey(t)
  const passwordService = createHttp(rekey.passwordServiceUrl)
  await sql(rekey.postgres.url, `INSERT INTO customer (code) SELECT 'P' || n FROM generate_series(1, $1::int) AS n`, [
    customers,
  ])
  const staff = asBearer(await backOfficeToken(rekey))
  const places = {
    proxy: (token: string) => rekey.http.get('/api/v2/my/password/changes', asBearer(token)),
    gateway: (token: string) =>
      rekey.http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', asBearer(token)),
    'password-service': (token: string) => passwordService.get('/api/v2/my/password/changes', asBearer(token)),
  }
  for (let round = 1; round <= rounds; round += 1) {
    const { access_token } = await signInTokens(rekey, await createCustomer(rekey.postgres.url))
    rekey.clock.advance(1_000)
    const startMs = performance.now()
    const { body } = await rekey.http.post('/api/v2/clients/reset-password', {}, staff)
    const times = await Promise.all(
      Object.entries(places).map(async ([place, ask]) => {
        await eventually(async () => (await ask(access_token)).status === 401, { what: place, intervalMs: 2 })
        return [place, Math.round(performance.now() - startMs)] as const
      }),
    )
    const job = async () => (await rekey.http.get(`/api/v2/jobs/${body.jobId}`, staff)).body
    const { done } = await job()
    for (const [place, ms] of times) t.ok(ms <= limitMs, `${place}: after ${ms} ms`)
    t.comment(`round ${round}: ${times.map(([place, ms]) => `${place} ${ms} ms`).join(', ')}; ${done} customers done`)
    t.equal((await rekey.http.post(`/api/v2/jobs/${body.jobId}/cancel`, {}, staff)).status, 200)
    rekey.clock.advance(1_000)
  }
})
