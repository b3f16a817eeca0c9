import { createCustomer } from '@rekey/test-support/customers'
import { loginBody, race, state } from '@rekey/test-support/flows'
import { fullHashes } from '@rekey/test-support/limits'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

/** Quota of sign-ins of the tests' address and client. */
const quota = 60
const rekey = await startRekey(t, {
  env: {
    ...fullHashes,
    REKEY_SIGN_IN_CONCURRENCY: '5',
    REKEY_HASH_CONCURRENCY: '1',
    REKEY_HASH_QUEUE: '1',
    REKEY_LIMIT_LOGIN_ADDRESS: `${quota}/10m`,
    REKEY_LIMIT_LOGIN_CLIENT: `${quota}/10m`,
  },
})

const refusedBy = async (service: 'auth-gateway' | 'password-service', queue: string) => {
  const { values } = (await rekey.metrics[service].getSingleMetric('rekey_overload_refused_total')?.get()) ?? {}
  return values?.find(({ labels }) => labels.queue === queue)?.value ?? 0
}

const refusedByEach = async () => ({
  byGateway: await refusedBy('auth-gateway', 'password_verifications'),
  byPasswordService: await refusedBy('password-service', 'password_hashes'),
})

t.test('sign-ins beyond the hashing capacity get 503 with Retry-After, and spend no quota', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const signIn = () => rekey.http.post('/oauth/v2/login', loginBody(customer))
  let served = 0
  /** Races until no RPC times out: on a machine that is busy with other work, one may also end so. */
  const raceSignIns = async () => {
    for (;;) {
      const before = await refusedByEach()
      const firstLog = rekey.logs.length
      const answers = await race(40, signIn)
      const refused = answers.filter(({ status }) => status !== 200)
      served += answers.length - refused.length
      const after = await refusedByEach()
      const byGateway = after.byGateway - before.byGateway
      const byPasswordService = after.byPasswordService - before.byPasswordService
      const timedOut = refused.length - byGateway - byPasswordService
      if (timedOut === 0) return { refused, byGateway, byPasswordService, logs: rekey.logs.slice(firstLog) }
      t.comment(`${timedOut} sign-ins timed out`)
    }
  }
  const { refused, byGateway, byPasswordService, logs } = await raceSignIns()
  t.ok(refused.length > 0 && refused.length < 40, `${refused.length} of 40 are refused`)
  for (const { status, headers, body } of refused) {
    t.equal(status, 503)
    t.match(headers.get('retry-after'), /^[1-9]\d*$/)
    t.match(body, { error: 'temporarily_unavailable', state })
  }
  t.ok(byGateway > 0, 'the gateway refuses some')
  t.ok(byPasswordService > 0, 'the password-service refuses some')
  t.same(
    logs.filter((line) => JSON.parse(line).severity === 'error'),
    [],
    'none is logged as an error',
  )
  t.equal((await patiently(signIn)).status, 200, 'a sign-in afterwards succeeds')

  served += 1
  for (let status = 200; status === 200; served += 1) status = (await patiently(signIn)).status
  t.equal(served - 1, quota, 'refused sign-ins spend neither the address’s nor the client’s quota')
})
