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
  signInTokens,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import { connect } from 'nats'
import t from 'tap'
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

  const data = JSON.stringify({ customer: customer.code, reason: 'article 17' })
  const reply = await connection.request(CustomersErase.subject, data, { timeout: 60_000 })
  t.match(reply.json<CustomersEraseReply>(), { found: true, erased: true, customerId: customer.id, records: 1 })

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

  const stored = await messageLog.stored()
  const places = {
    Postgres: await databaseDump(rekey.postgres.url),
    Redis: await redisContents(redis),
    streams: stored.map(({ subject, header, data }) => textOf(subject, header, data)).join('\n'),
    logs: rekey.logs.join(''),
  }
  for (const [place, text] of Object.entries(places)) {
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
