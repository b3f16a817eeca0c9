import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  change,
  changeGrant,
  codesOf,
  loginBody,
  messageAfter,
  restore,
  restoreBody,
  restoreGrant,
  signIn,
  signInTokens,
  state,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { slowness } from '@rekey/test-support/slowness'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'

const rekey = await startRekey(t, { privatePostgres: true })
const { http } = rekey
const postgres = rekey.postgres.server
if (!postgres) throw new Error('this test needs its own Postgres')

const requestRestore = (username: string) => http.post('/oauth/v2/passwordRestore', restoreBody(username))
const isBack = () => eventually(rekey.isReady, { what: 'every service to be ready again' })
const isUnready = () => eventually(async () => !(await rekey.isReady()), { what: 'a service to be unready' })

/** Checks for 503 in the error format of the path, with Retry-After, within two seconds of an idle machine. */
const isUnavailable = async (t: Test, what: string, request: () => Promise<Answer>) => {
  const started = performance.now()
  const answer = await request()
  const ms = performance.now() - started
  t.equal(answer.status, 503, what)
  t.match(answer.headers.get('retry-after'), /^\d+$/, what)
  const form = answer.body.error ? { error: 'temporarily_unavailable' } : { code: 'unavailable', status: 503 }
  t.match(answer.body, form, what)
  t.ok(ms < 2_000 || ms < 2_000 * slowness(), `${what}: ${Math.round(ms)} ms`)
}

t.test('S25: without Redis requests get 503; codes sent before stay valid after', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const verify = (code: string) =>
    http.post('/oauth/v2/passwordRestoreVerification', verificationBody(answer.body.mfa_token, code))
  for (const failure of ['pause', 'kill'] as const) {
    await rekey.redis[failure]()
    await isUnavailable(t, `A1, ${failure}`, () => requestRestore(customer.email))
    await isUnavailable(t, `A2 with a wrong code, ${failure}`, () => verify(wrongCode(confirmation)))
    await isUnavailable(t, `B5b, ${failure}`, () =>
      http.get(`/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword&email=${customer.email}`),
    )
    if (failure === 'pause') rekey.redis.resume()
    else await rekey.redis.restart()
    await isBack()
  }
  t.equal((await verify(confirmation)).status, 200)
})

const refresh = (refresh_token: unknown) =>
  http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token, client_id: 'ib_localhost' })

t.test(
  'S25: without Redis tokens are neither refreshed, revoked nor introspected; forwarded requests succeed',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    // By default a killed Redis may lose the last second, because it fsyncs once a second.
    const redis = new Redis(rekey.redis.url)
    await redis.config('SET', 'appendfsync', 'always')
    await redis.quit()
    const { access_token, refresh_token } = await signInTokens(rekey, customer)
    const authorization = `Bearer ${access_token}`
    const backOffice = { client_id: 'backend_fin', client_secret: 'secretkey' }
    await rekey.redis.kill()
    await isUnavailable(t, 'A5, refresh_token', () => refresh(refresh_token))
    await isUnavailable(t, 'A5, authorization_code', () => {
      const code = { code: 'x', client_id: 'ib_localhost', redirect_uri: 'http://localhost' }
      return http.post('/oauth/v2/token', { grant_type: 'authorization_code', ...code })
    })
    for (const token of [access_token, refresh_token]) {
      await isUnavailable(t, 'A6, revoke', () => http.post('/oauth/v2/revoke', { token, client_id: 'ib_localhost' }))
      await isUnavailable(t, 'A6, introspect', () => http.post('/oauth/v2/introspect', { token, ...backOffice }))
    }
    await isUnavailable(t, 'B5', () =>
      http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', { authorization }),
    )
    t.equal(
      (await http.get('/api/v2/my/password/changes', { authorization })).status,
      200,
      'the password-service checks the session in Postgres',
    )
    await rekey.redis.restart()
    await isBack()
    t.equal((await refresh(refresh_token)).status, 200, 'the refresh token was not spent')
  },
)

t.test('S25: a refresh that times out in Redis spends nothing, even if Redis runs it later', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { refresh_token } = await signInTokens(rekey, customer)
  await rekey.redis.pause()
  await isUnavailable(t, 'A5, refresh_token', () => refresh(refresh_token))
  rekey.redis.resume()
  await isBack()
  const again = await refresh(refresh_token)
  t.equal(again.status, 200)
  t.match(await refresh(refresh_token), { status: 400, body: { error: 'invalid_grant' } }, 'its reuse is still refused')
  t.match(await refresh(again.body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
})

t.test('S25: without the broker tokens are refreshed, and a reuse is published once it is back', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const { access_token, refresh_token } = await signInTokens(rekey, customer)
  await rekey.nats.kill()
  await isUnready()
  t.equal((await refresh(refresh_token)).status, 200)
  await isUnavailable(t, 'a reuse', () => refresh(refresh_token))
  const authorization = `Bearer ${access_token}`
  t.equal(
    (await http.get('/api/v2/my/password/changes', { authorization })).status,
    401,
    'the gateway ended the session',
  )
  await rekey.nats.restart()
  await isBack()
  t.match(await refresh(refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  const there = `${rekey.passwordServiceUrl}/api/v2/my/password/changes`
  await eventually(async () => (await fetch(there, { headers: { authorization } })).status === 401, {
    what: 'the password-service to end the session',
  })
})

t.test('S25: without the broker requests get 503, and leave nothing behind', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const resend = (mfaToken: unknown) =>
    http.post('/oauth/v2/challenge', {
      challenge_type: `oob:email:t*${customer.email.split('@')[0]?.at(-1)}@example.com`,
      client_timezone: '-3',
      mfa_token: mfaToken,
      response_type: 'code',
      state,
    })
  const restoreToken = await restoreGrant(rekey, customer)
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.quit())
  /** All but quotas, which are refunded. */
  const challenges = async () => (await redis.keys('rekey:*')).filter((key) => !key.startsWith('rekey:{limits}:'))
  const before = (await challenges()).length
  const verify = () =>
    http.post('/oauth/v2/passwordRestoreVerification', verificationBody(answer.body.mfa_token, confirmation))

  rekey.nats.pause()
  await isUnavailable(t, 'A1 while the broker stalls', () => requestRestore(customer.email))
  await isUnavailable(t, 'A4 while the broker stalls', () => http.post('/oauth/v2/login', loginBody(customer)))
  rekey.clock.advance(60_000)
  await isUnavailable(t, 'A4b while the broker stalls', () => resend(answer.body.mfa_token))
  rekey.nats.resume()
  await rekey.nats.kill()
  await isUnready()
  await isUnavailable(t, 'A1', () => requestRestore(customer.email))
  await isUnavailable(t, 'A2', verify)
  await isUnavailable(t, 'A4b', () => resend(answer.body.mfa_token))
  await isUnavailable(t, 'A5', () =>
    http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token: answer.body.mfa_token, code: '123456' }),
  )
  await isUnavailable(t, 'B5', () =>
    http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', { authorization: `Bearer ${accessToken}` }),
  )
  await isUnavailable(t, 'B6', () =>
    http.post('/api/v2/my/2fa/challenge', { token: answer.body.mfa_token, code: '123456' }),
  )
  await isUnavailable(t, 'A4', () => http.post('/oauth/v2/login', loginBody(customer)))
  t.equal((await challenges()).length, before, 'refused requests leave no challenge')
  await isUnavailable(t, 'B2', () => restore(rekey, restoreToken, 'a newer password'))

  await rekey.nats.restart()
  await isBack()
  t.equal((await verify()).status, 200, 'the code was neither spent nor replaced')
  t.equal((await restore(rekey, restoreToken, 'a newer password')).status, 204, 'nor was the grant')
  await askRestore(rekey, customer.email)
})

t.test(
  'S25: a code that is requested again after a 503 arrives, even if the broker stored the first one',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const { answer } = await askRestore(rekey, customer.email)
    const resend = () =>
      http.post('/oauth/v2/challenge', {
        challenge_type: `oob:email:t*${customer.email.split('@')[0]?.at(-1)}@example.com`,
        client_timezone: '-3',
        mfa_token: answer.body.mfa_token,
        response_type: 'code',
        state,
      })
    rekey.clock.advance(60_000)
    rekey.nats.pause()
    await isUnavailable(t, 'A4b', resend)
    // The broker now stores what it received while it was paused.
    rekey.nats.resume()
    await isBack()
    await messageAfter(rekey, customer.email, resend)
  },
)

t.test('S25: without Postgres no password changes, and no token is spent', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const accessToken = await signIn(rekey, customer)
  const changeToken = await changeGrant(rekey, customer, accessToken)
  const restoreToken = await restoreGrant(rekey, await createCustomer(rekey.postgres.url))
  const history = () => http.get('/api/v2/my/password/changes', { authorization: `Bearer ${accessToken}` })
  await postgres.kill()
  await isUnavailable(t, 'B2', () => restore(rekey, restoreToken, 'a newer password'))
  await isUnavailable(t, 'B1', () => change(rekey, accessToken, changeToken, 'a newer password'))
  await isUnavailable(t, 'B3', history)
  await isUnavailable(t, 'A4', () => http.post('/oauth/v2/login', loginBody(customer)))
  await postgres.restart()
  await isBack()
  t.match(await history(), { body: { total: 0 } })
  t.equal((await restore(rekey, restoreToken, 'a newer password')).status, 204)
  t.equal((await change(rekey, accessToken, changeToken, 'the newest password')).status, 204)
})

t.test('a code that is requested during an outage of Postgres and the broker is sent once both are back', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await postgres.kill()
  const answer = await requestRestore(customer.email)
  t.equal(answer.status, 200, 'the gateway does not use Postgres')
  await rekey.nats.kill()
  await postgres.restart()
  await rekey.nats.restart()
  const message = await rekey.inbox.waitForMessage(customer.email)
  const { confirmation, verification } = codesOf(message)
  t.equal(verification, answer.body.code)
  await isBack()
  const verified = await http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(answer.body.mfa_token, confirmation),
  )
  t.equal(verified.status, 200)
  t.equal((await rekey.inbox.messagesTo(customer.email)).length, 1)
})

t.test('an instance that has started stays ready while a part that all share is unavailable', async (t) => {
  const urls = { 'auth-gateway': rekey.url, 'password-service': rekey.passwordServiceUrl, notifier: rekey.notifierUrl }
  const parts = [
    { name: 'redis', server: rekey.redis, of: ['auth-gateway'] },
    { name: 'postgres', server: postgres, of: ['password-service'] },
    { name: 'nats', server: rekey.nats, of: Object.keys(urls) },
  ]
  for (const { name, server, of } of parts) {
    await server.kill()
    for (const [service, url] of Object.entries(urls)) {
      const response = await fetch(`${url}/readyz`)
      t.equal(response.status, 200, `${service} without ${name}`)
      const { status, checks, degraded = {} } = (await response.json()) as Record<string, Record<string, string>>
      const isDegraded = of.includes(service)
      t.equal(checks?.[name] === 'unavailable', isDegraded, `${service} names ${name}`)
      if (!isDegraded) continue
      t.equal(status, 'degraded')
      t.match(degraded[name], /^unavailable: /)
    }
    t.equal((await http.get('/.well-known/jwks.json')).status, 200, `what needs no ${name} is served`)
    await server.restart()
    await isBack()
  }
})
