import { CustomersErase, type CustomersEraseReply } from '@rekey/contracts'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  askLogin,
  askRestore,
  login,
  restore,
  restoreGrant,
  signIn,
  signInTokens,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import { connect } from 'nats'
import t from 'tap'
import { createProver } from '../../services/auth-gateway/src/second-proofs/second-proofs.fixture.ts'
import { startMessageLog } from './message-log.ts'
import { isFound } from './search/encodings.ts'
import { databaseDump, redisContents, textOf } from './search/places.ts'

// What is left of an erased customer in Postgres, Redis and the streams: docs/operations.md, "Erasing a customer".

const rekey = await startRekey(t)
const messageLog = await startMessageLog(t, rekey)
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.quit())
const connection = await connect({ servers: rekey.nats.url })
t.teardown(() => connection.close())

const { choose, enrol, enrolPasskey, prove, secondProofOf } = createProver(rekey)

const erase = async (customer: string): Promise<CustomersEraseReply> => {
  const data = JSON.stringify({ customer, reason: 'article 17' })
  return (await connection.request(CustomersErase.subject, data, { timeout: 60_000 })).json()
}

/** The text of every store and log. */
const placesNow = async () => ({
  Postgres: await databaseDump(rekey.postgres.url),
  Redis: await redisContents(redis),
  streams: (await messageLog.stored()).map(({ subject, header, data }) => textOf(subject, header, data)).join('\n'),
  logs: rekey.logs.join(''),
})

t.test('an erased customer has no session, and no address, number or hash is left in any store', async (t) => {
  const person = await createCustomer(rekey.postgres.url)
  const grant = await restoreGrant(rekey, person)
  t.equal((await restore(rekey, grant, 'birch anchor 52 tidal')).status, 204)
  const customer = { ...person, password: 'birch anchor 52 tidal' }
  const tokens = await signInTokens(rekey, customer)
  // Leaves a wrong password, a wrong code and an open restore behind.
  await login(rekey, { ...customer, password: 'not my password' })
  const { answer, confirmation } = await askRestore(rekey, customer.phone)
  await rekey.http.post(
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(answer.body.mfa_token, wrongCode(confirmation)),
  )
  await askLogin(rekey, customer)
  await messageLog.allHandled()
  const [row] = await sql<{ hash: string }>(rekey.postgres.url, 'SELECT hash FROM credential WHERE customer_id = $1', [
    customer.id,
  ])
  const values = { address: customer.email, number: customer.phone, hash: row?.hash ?? '' }
  const before = await databaseDump(rekey.postgres.url)
  for (const [what, value] of Object.entries(values)) t.ok(isFound(value, before), `the search finds the ${what}`)

  t.match(await erase(customer.code), { found: true, erased: true, customerId: customer.id, records: 1 })

  const header = asBearer(tokens.access_token)
  const ended = async () => {
    const { status } = await rekey.http.get('/api/v2/my/2fa/challenge?businessProcess=changePassword', header)
    return status === 401
  }
  await eventually(ended, { what: 'the gateway to end the sessions' })
  const refreshed = await rekey.http.post('/oauth/v2/token', {
    grant_type: 'refresh_token',
    refresh_token: tokens.refresh_token,
  })
  t.match(refreshed, { status: 400, body: { error: 'invalid_grant' } })
  const direct = await createHttp(rekey.passwordServiceUrl).get('/api/v2/my/password/changes', header)
  t.notMatch(direct.text, /"digest"/, 'the password-service shows no history')
  t.equal((await login(rekey, customer)).status, 400)
  await messageLog.allHandled()

  for (const [place, text] of Object.entries(await placesNow())) {
    for (const [what, value] of Object.entries(values)) t.notOk(isFound(value, text), `the ${what} in ${place}`)
  }

  const named: [string, number][] = []
  for (const key of await redis.keys('*')) {
    const ttlMs = await redis.pttl(key)
    t.ok(ttlMs > 0 || ttlMs === -2, `${key} expires`)
    if (key.includes(customer.code)) named.push([key, ttlMs])
  }
  const longestMs = (rekey.gatewayConfig.REKEY_SESSION_HOURS + 24) * 3_600_000
  for (const [key, ttlMs] of named) t.ok(ttlMs <= longestMs, `${key} names the customer until its sessions are over`)
})

t.test('of an erased customer no store holds a credential id, a public key or a secret of a factor', async (t) => {
  const person = await createCustomer(rekey.postgres.url)
  const passkey = await enrolPasskey(person, await signIn(rekey, person))
  const { totp, recoveryCodes, nextOtp } = await enrol(person)
  const [used = '', unused = ''] = recoveryCodes
  // Each factor proves a restore, which leaves its traces.
  const first = await secondProofOf(person)
  const asked = await choose(first.mfaToken, 'webauthn')
  const publicKey = asked.body.publicKey as unknown as { rpId: string; challenge: string }
  const signed = { grant_type: 'mfa_webauthn', credential: passkey.get(publicKey), code: undefined }
  t.equal((await prove(asked.body.mfa_token, 'mfa_webauthn', '', signed)).status, 200)
  t.equal((await prove((await secondProofOf(person)).mfaToken, 'mfa_otp', nextOtp())).status, 200)
  t.equal((await prove((await secondProofOf(person)).mfaToken, 'mfa_recovery_code', used)).status, 200)
  await messageLog.allHandled()

  const rows = await sql<{ sealed: string; handle: string | null }>(
    rekey.postgres.url,
    `SELECT sealed_secret AS sealed, user_handle AS handle FROM factor LEFT JOIN passkey ON factor_id = id
     WHERE customer_id = $1`,
    [person.id],
  )
  const hmacs = await sql<{ hmac: string }>(
    rekey.postgres.url,
    'SELECT code_hmac AS hmac FROM recovery_code JOIN factor ON id = factor_id WHERE customer_id = $1',
    [person.id],
  )
  t.equal(rows.length, 3)
  const kept = [passkey.id, ...rows.flatMap(({ sealed, handle }) => [sealed, ...(handle ? [handle] : [])])]
  kept.push(...hmacs.map(({ hmac }) => hmac))
  const before = await placesNow()
  for (const value of kept) t.ok(isFound(value, before.Postgres), 'the search finds what is stored')
  const secrets = { 'public key': passkey.publicKey, 'secret of the app': totp.secret, 'recovery code': unused }
  for (const [what, value] of Object.entries(secrets)) {
    for (const [place, text] of Object.entries(before)) t.notOk(isFound(value, text), `the ${what} in ${place}, before`)
  }

  t.match(await erase(person.code), { erased: true, deleted: { factor: 3 } })
  await messageLog.allHandled()
  for (const [place, text] of Object.entries(await placesNow())) {
    for (const value of [...kept, ...Object.values(secrets)]) t.notOk(isFound(value, text), `${place} has ${value}`)
  }
})
