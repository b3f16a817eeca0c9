import { createCustomer } from '@rekey/test-support/customers'
import { loginBody, race, state } from '@rekey/test-support/flows'
import { fullHashes } from '@rekey/test-support/limits'
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

t.test('sign-ins beyond the hashing capacity get 503 with Retry-After, and spend no quota', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const signIn = () => rekey.http.post('/oauth/v2/login', loginBody(customer))
  const answers = await race(40, signIn)
  const refused = answers.filter(({ status }) => status !== 200)
  t.ok(refused.length > 0 && refused.length < answers.length, `${refused.length} of ${answers.length} are refused`)
  for (const { status, headers, body } of refused) {
    t.equal(status, 503)
    t.match(headers.get('retry-after'), /^[1-9]\d*$/)
    t.match(body, { error: 'temporarily_unavailable', state })
  }
  const [byGateway, byPasswordService] = await Promise.all([
    refusedBy('auth-gateway', 'password_verifications'),
    refusedBy('password-service', 'password_hashes'),
  ])
  t.ok(byGateway > 0, 'the gateway refuses some')
  t.ok(byPasswordService > 0, 'the password-service refuses some')
  t.equal(byGateway + byPasswordService, refused.length)
  t.same(
    rekey.logs.filter((line) => JSON.parse(line).severity === 'error'),
    [],
    'none is logged as an error',
  )
  t.equal((await signIn()).status, 200, 'a sign-in afterwards succeeds')

  let served = answers.length - refused.length + 1
  for (let status = 200; status === 200; served += 1) status = (await signIn()).status
  t.equal(served - 1, quota, 'refused sign-ins spend neither the address’s nor the client’s quota')
})
