import { scopes } from '@rekey/contracts'
import { connectBroker } from '@rekey/platform/broker'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, backOfficeToken, claimsOf, restore, restoreGrant, signInTokens } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { Redis } from 'ioredis'
import pg from 'pg'
import t from 'tap'
import { followNotBefore } from './not-before.ts'
import { createSessionClient, invalidGrant } from './sessions.fixture.ts'

const rekey = await startRekey(t)
const { refresh, isEndedEverywhere, isActive } = createSessionClient(rekey)
const url = rekey.postgres.url
/** The first customer that each job must reset. */
const first = await createCustomer(url)

/** A session that begins in the same second as the reset counts as ended. */
const nextSecond = () => rekey.clock.advance(1_000)

/** Starts a reset of all customers that reaches none of them until `release` is called. */
const resetAll = async () => {
  const client = new pg.Client(url)
  await client.connect()
  await client.query('BEGIN')
  await client.query('SELECT FROM customer WHERE id = $1 FOR UPDATE', [first.id])
  nextSecond()
  const staff = await backOfficeToken(rekey)
  const { status, body } = await rekey.http.post('/api/v2/clients/reset-password', {}, asBearer(staff))
  t.equal(status, 202)
  nextSecond()
  const job = async () => (await rekey.http.get(`/api/v2/jobs/${body.jobId}`, asBearer(staff))).body
  return {
    job,
    async release() {
      await client.end()
      await eventually(async () => (await job()).state === 'done', { what: 'the end of the job' })
    },
  }
}

const introspect = (token: unknown) =>
  rekey.http.post('/oauth/v2/introspect', { token, client_id: 'backend_fin', client_secret: 'secretkey' })

t.test('S21: a reset of all customers ends every session before the job reaches its customer', async (t) => {
  const customers = await Promise.all([createCustomer(url), createCustomer(url)])
  const before = []
  for (const customer of customers) before.push(await signInTokens(rekey, customer))
  const { job, release } = await resetAll()
  for (const { access_token, refresh_token } of before) {
    await isEndedEverywhere(t, access_token)
    t.match(await refresh(refresh_token), invalidGrant)
    t.same((await introspect(access_token)).body, { active: false })
    t.same((await introspect(refresh_token)).body, { active: false })
  }
  t.match(await job(), { state: 'running', done: 0 }, 'the token of staff is valid')

  const [customer = first] = customers
  const signedInAgain = await signInTokens(rekey, customer)
  t.equal(
    claimsOf(signedInAgain.access_token).scope,
    scopes.change,
    'the old password only lets the customer change it',
  )
  const after = await signInTokens(rekey, await createCustomer(url))
  await isActive(t, after.access_token, 'a session of a later customer')
  const next = await refresh(after.refresh_token)
  t.equal(next.status, 200)
  t.equal(claimsOf(String(next.body.access_token)).auth_time, claimsOf(after.access_token).auth_time)
  await isActive(t, next.body.access_token, 'its refreshed token')
  await release()
})

t.test('S21: sessions that a reset of all customers ended stay so after the loss of Redis', async (t) => {
  const { access_token } = await signInTokens(rekey, await createCustomer(url))
  const { release } = await resetAll()
  await isEndedEverywhere(t, access_token)
  const redis = new Redis(rekey.redis.url)
  await redis.flushall()
  redis.disconnect()
  await isEndedEverywhere(t, access_token)
  await release()
})

t.test('a customer who restored after the start of a reset of all keeps that session, and is not reset', async (t) => {
  const customer = await createCustomer(url)
  const { release } = await resetAll()
  const restored = await restore(rekey, await restoreGrant(rekey, customer), 'a new password')
  t.equal(restored.status, 204)
  const { access_token } = await signInTokens(rekey, { ...customer, password: 'a new password' })
  await release()
  await isActive(t, access_token, 'after the job has ended')
  t.same(await sql(url, 'SELECT must_change FROM credential WHERE customer_id = $1', [customer.id]), [
    { must_change: false },
  ])
})

t.test(
  'S33: a gateway reads the not-before from the password-service, also if it starts later, and not from the event',
  async (t) => {
    const log = createLogger({ name: 'test', level: 'silent' })
    const broker = connectBroker({ url: rekey.nats.url, name: 'test', log, metrics: createMetrics() })
    const another = followNotBefore({ broker, log })
    t.teardown(async () => {
      await another.close()
      await broker.close()
    })
    const current = await eventually(() => another.current(), { what: 'the value' })
    const [stored] = await sql<{ not_before: Date }>(url, 'SELECT not_before FROM session_not_before')
    t.same(current, stored?.not_before)

    const forged = { notBefore: '2999-01-01T00:00:00.000Z' }
    ;(await broker.connected()).publish('password.all-reset-requested', JSON.stringify(forged))
    const { access_token } = await signInTokens(rekey, await createCustomer(url))
    await isActive(t, access_token, 'after a forged event')
    t.same(another.current(), current)

    const later = new Date(rekey.clock.now().getTime() - 60_000)
    await sql(url, 'UPDATE session_not_before SET not_before = $1', [later])
    t.same(another.current(), current, 'an older copy of Postgres lowers nothing')
  },
)
