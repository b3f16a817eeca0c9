import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  codesOf,
  codeVerifier,
  pkce,
  race,
  reportTokenOf,
  restore,
  restoreBody,
  restoreGrant,
  signInTokens,
  verificationBody,
} from '@rekey/test-support/flows'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'

// Every secret key of the running product is replaced while something that it wrote is in use.

const rekey = await startRekey(t)
const { http, inbox } = rekey
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.disconnect())

const secrets: Record<string, string> = {}
for (const file of [rekey.keys.authGateway, rekey.keys.passwordService, rekey.keys.notifier]) {
  Object.assign(secrets, parseEnv(readFileSync(file, 'utf8')))
}
const names = Object.keys(secrets)
const nextKeys = Object.fromEntries(names.map((name) => [name, `k1:${randomBytes(32).toString('base64url')}`]))

/** The variables of each step of a rotation. */
const steps = {
  add: Object.fromEntries(names.map((name) => [name, `${secrets[name]},${nextKeys[name]}`])),
  use: Object.fromEntries(names.map((name) => [name, `${nextKeys[name]},${secrets[name]}`])),
  drop: nextKeys,
}

const verify = (mfaToken: unknown, code: string, other: object = {}) =>
  http.post('/oauth/v2/passwordRestoreVerification', verificationBody(mfaToken, code, other))
const refresh = (refresh_token: unknown) =>
  http.post<{ refresh_token: string }>('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token })
const follow = (token: string) =>
  patiently(() =>
    http.send('POST', '/not-me', { 'content-type': 'application/x-www-form-urlencoded' }, `token=${token}`),
  )

/** The token of the "it was not me" link in the newest message with one. */
const linkOf = (email: string) =>
  eventually(async () => (await inbox.messagesTo(email)).flatMap((message) => reportTokenOf(message) ?? [])[0], {
    what: `a notification with a link to ${email}`,
  })

/** Everything that is in use while the keys are replaced. */
const inFlight = async () => {
  const [asking, authorizing, signedIn, changed, lockedOut] = await race(5, () => createCustomer(rekey.postgres.url))
  if (!asking || !authorizing || !signedIn || !changed || !lockedOut) throw new Error('a customer is missing')
  const asked = await askRestore(rekey, asking.email)
  const authorized = await askRestore(rekey, authorizing.email, pkce)
  const { code } = (await verify(authorized.answer.body.mfa_token, authorized.confirmation, { response_type: 'code' }))
    .body
  const at = Date.now()
  for (const key of await redis.keys('*:authorization')) await redis.persist(key)
  const { refresh_token } = await signInTokens(rekey, signedIn)
  const grant = await restoreGrant(rekey, changed)
  // 503 while wrong codes wait to be counted.
  await eventually(async () => (await restore(rekey, grant, 'a new password')).status === 204)
  const link = await linkOf(changed.email)
  for (let challenges = 0; challenges < 2; challenges += 1) {
    const { mfa_token } = (await http.post('/oauth/v2/passwordRestore', restoreBody(`unknown.${lockedOut.email}`))).body
    await race(5, () => verify(mfa_token, '0000001'))
  }
  return { asked, code: { code, at }, refresh_token, link, lockedOut: `unknown.${lockedOut.email}` }
}

/** True if a restore of this username is locked out: only the metric shows it. */
const isLockedOut = async (username: string) => {
  const counted = async () => {
    const text = await rekey.metricsOf('auth-gateway')
    return Number(/rekey_limits_exceeded_total\{action="code",by="budget"\} (\d+)/.exec(text)?.[1] ?? 0)
  }
  const before = await counted()
  await http.post('/oauth/v2/passwordRestore', restoreBody(username))
  return (await counted()) > before
}

/** Redeems an authorization code that was issued at `at`. A busy machine must not let it expire: it lives for a minute. */
const redeem = async ({ code, at }: { code: unknown; at: number }) => {
  const lateMs = Date.now() - at
  rekey.clock.advance(-lateMs)
  const answer = await http.post('/oauth/v2/token', {
    grant_type: 'authorization_code',
    client_id: 'ib_localhost',
    redirect_uri: 'http://localhost',
    code,
    code_verifier: codeVerifier,
  })
  rekey.clock.advance(lateMs)
  return answer
}

/** Events that wait in the streams while their keys are replaced: a username, a code, an address, a link. */
const sealedInFlight = async () => {
  const [restored, asking] = await race(2, () => createCustomer(rekey.postgres.url))
  if (!restored || !asking) throw new Error('a customer is missing')
  const grant = await restoreGrant(rekey, restored)
  await rekey.stop('notifier')
  t.equal((await restore(rekey, grant, 'a new password')).status, 204)
  await rekey.stop('password-service')
  const { mfa_token, code } = (await http.post('/oauth/v2/passwordRestore', restoreBody(asking.email))).body
  return { restored, asking, mfa_token, verification: String(code) }
}

const arrives = async (
  t: Test,
  { restored, asking, mfa_token, verification }: Awaited<ReturnType<typeof sealedInFlight>>,
) => {
  const link = await linkOf(restored.email)
  const message = await eventually(
    async () => (await inbox.messagesTo(asking.email)).find((one) => codesOf(one).verification === verification),
    { what: 'the code' },
  )
  t.equal((await verify(mfa_token, codesOf(message).confirmation)).status, 200, 'a sealed code')
  t.equal((await follow(link)).status, 200, 'a sealed link')
}

t.test('S52: every secret key is replaced, and nothing that the old key wrote is lost', async (t) => {
  const before = await inFlight()
  const sealed = await sealedInFlight()
  // All instances get the new key before any of them writes with it.
  await rekey.restart(steps.add)
  const added = await inFlight()
  await arrives(t, sealed)
  const waiting = await sealedInFlight()
  await rekey.restart(steps.use)
  await arrives(t, waiting)
  for (const [name, { asked, code, refresh_token, link, lockedOut }] of Object.entries({ before, added })) {
    t.equal((await verify(asked.answer.body.mfa_token, asked.confirmation)).status, 200, `${name}: mfa_token and code`)
    if (name === 'added') t.equal((await redeem(code)).status, 200, 'an authorization code')
    t.equal((await refresh(refresh_token)).status, 200, `${name}: a refresh token`)
    t.equal((await follow(link)).status, 200, `${name}: a report link`)
    t.ok(await isLockedOut(lockedOut), `${name}: a lockout`)
  }
  const after = await inFlight()
  await rekey.restart(steps.drop)
  t.equal((await redeem(after.code)).status, 200, 'an authorization code of the new key')
  t.equal(
    (await verify(after.asked.answer.body.mfa_token, after.asked.confirmation)).status,
    200,
    'a code of the new key',
  )
  t.equal((await refresh(after.refresh_token)).status, 200, 'a refresh token of the new key')
  t.equal((await follow(after.link)).status, 200, 'a report link of the new key')
  t.ok(await isLockedOut(after.lockedOut), 'a lockout of the new key')
})

t.test('S52: after the overlap, what the old key wrote is refused', async (t) => {
  await rekey.restart(steps.use)
  // An instance that still writes with the old key.
  await rekey.restart(secrets)
  const { asked, code, refresh_token, link } = await inFlight()
  const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }
  for (const name of names) {
    await rekey.restart({ ...secrets, [name]: nextKeys[name] ?? '' })
    const refused = {
      REKEY_MFA_TOKEN_KEY: async () =>
        t.match(await verify(asked.answer.body.mfa_token, asked.confirmation), invalidGrant),
      REKEY_CODE_KEY: async () => t.match(await redeem(code), invalidGrant),
      REKEY_REFRESH_KEY: async () => t.match(await refresh(refresh_token), invalidGrant),
      REKEY_REPORT_KEY: async () => t.equal((await follow(link)).status, 400),
    }[name]
    await refused?.()
  }
})
