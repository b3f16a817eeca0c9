import { createHmac } from 'node:crypto'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  change,
  changeGrant,
  pkce,
  race,
  restore,
  restoreBody,
  restoreGrant,
  signInTokens,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRedisCluster } from '@rekey/test-support/redis-cluster'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// A cluster of three masters refuses any script whose keys are on two of them.
const cluster = await startRedisCluster(t)
const rekey = await startRekey(t, { env: { REDIS_URL: cluster.url, REKEY_REDIS_CLUSTER: 'true' } })
const { http } = rekey

const wholeRestore = async () => {
  const customer = await createCustomer(rekey.postgres.url)
  const restored = await restore(rekey, await restoreGrant(rekey, customer), 'a new password')
  return { customer: { ...customer, password: 'a new password' }, restored }
}

const refresh = (refresh_token: string) =>
  http.post<{ refresh_token: string }>('/oauth/v2/token', {
    grant_type: 'refresh_token',
    refresh_token,
    client_id: 'ib_localhost',
  })

t.test('a restore, a sign-in, a change, a refresh and an authorization code work on a cluster', async (t) => {
  const { customer, restored } = await wholeRestore()
  t.equal(restored.status, 204)
  const { access_token, refresh_token } = await signInTokens(rekey, customer)
  const grant = await changeGrant(rekey, customer, access_token)
  t.equal((await change(rekey, access_token, grant, 'another password')).status, 204)
  const second = await refresh(refresh_token)
  t.equal(second.status, 200)
  t.equal((await refresh(refresh_token)).status, 400, 'a reuse ends the session')
  t.equal((await refresh(second.body.refresh_token)).status, 400)

  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const code = verificationBody(answer.body.mfa_token, confirmation, { response_type: 'code', ...pkce })
  t.equal((await http.post('/oauth/v2/passwordRestoreVerification', code)).status, 200)
})

const decoded = (part = '') => JSON.parse(Buffer.from(part, 'base64url').toString())

/** The token with another `sid`, signed by the gateway's key. */
const withSid = (mfaToken: unknown, sid: unknown) => {
  const [header, claims] = String(mfaToken).split('.')
  const text = `${header}.${Buffer.from(JSON.stringify({ ...decoded(claims), sid })).toString('base64url')}`
  const key = Buffer.from(rekey.gatewayConfig.REKEY_MFA_TOKEN_KEY, 'base64url')
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
}

t.test('S31: an mfa_token with a malformed sid is refused as an expired one', async (t) => {
  const { answer, confirmation } = await askRestore(rekey, (await createCustomer(rekey.postgres.url)).email)
  const { mfa_token } = answer.body
  const verify = (token: unknown) =>
    http.post('/oauth/v2/passwordRestoreVerification', verificationBody(token, confirmation))
  const { sid } = decoded(String(mfa_token).split('.')[1])
  for (const other of ['019a2c1e-6f00-7000-8000-000000000000', '', 'restore.', `reset.${sid.split('.')[1]}`, 7]) {
    t.match(await verify(withSid(mfa_token, other)), { status: 400, body: { error: 'invalid_grant' } }, String(other))
  }
  t.equal((await verify(withSid(mfa_token, sid))).status, 200)
})

t.test('the keys of many accounts are on all masters', async (t) => {
  await race(20, async (index) => {
    const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(`nobody.${index}@example.com`))
    const guessed = verificationBody(body.mfa_token, '0000001')
    t.equal((await http.post('/oauth/v2/passwordRestoreVerification', guessed)).status, 400)
  })
  for (const keys of await cluster.keys()) t.ok(keys.length > 0)
  t.notOk(rekey.logs.some((line) => line.includes('CROSSSLOT') || line.includes('MOVED')))
})

t.test('S25: without the master of the rate limits requests get 503, until it is back', async (t) => {
  const index = (await cluster.keys()).findIndex((keys) => keys.some((key) => key.startsWith('rekey:{limits}')))
  const master = cluster.servers[index]
  await master?.kill()
  const customer = await createCustomer(rekey.postgres.url)
  const refused = await http.post('/oauth/v2/passwordRestore', restoreBody(customer.email))
  t.match(refused, { status: 503, body: { error: 'temporarily_unavailable' } })
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  await master?.restart()
  await eventually(() => cluster.isWhole(), { what: 'the cluster to be whole' })
  const request = () => http.post('/oauth/v2/passwordRestore', restoreBody(customer.email))
  await eventually(async () => (await request()).status === 200, { what: 'the gateway to reconnect' })
  t.equal((await wholeRestore()).restored.status, 204)
})
