import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'

const service = await startPasswordService(t)
const { http, bearer, grant, query } = service

const password = 'Qwerty123'
const restore = (successToken: string, body: object = { password }, headers: object = {}) =>
  http.post('/api/v2/my/password/restore', body, { successToken, ...headers })
const change = (customer: { code: string }, successToken: string, body: object = { password }) =>
  http.post('/api/v2/my/password/change', body, { authorization: bearer(customer.code), successToken })

const verifiedRestore = async (more: object = {}) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  return { customer, challengeId, token: grant('restore', challengeId, more) }
}
const changesOf = ({ id }: { id: number }) =>
  query('SELECT * FROM password_change WHERE customer_id = $1 ORDER BY id', [id])
const waitingFor = async ({ code }: { code: string }) =>
  query<{ type: string }>('SELECT type FROM outbox WHERE subject = $1 ORDER BY id', [code])

t.test('S3: a code that Redis accepts twice, after a failover, sets one password', async (t) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  t.equal((await restore(grant('restore', challengeId))).status, 204)
  t.match(await restore(grant('restore', challengeId)), { status: 403, body: { code: 'success_token_refused' } })
  const grants = Array.from({ length: 10 }, () => grant('change', customer.code, { challenge_id: challengeId }))
  const another = systemRandom.id()
  const racing = Array.from({ length: 10 }, () => grant('change', customer.code, { challenge_id: another }))
  const statuses = async (tokens: string[]) =>
    (await Promise.all(tokens.map((token) => change(customer, token)))).map(({ status }) => status)
  t.ok((await statuses(grants)).every((status) => status === 403))
  t.equal((await statuses(racing)).filter((status) => status === 204).length, 1)
  t.equal((await changesOf(customer)).length, 2)
})

t.test(
  'S24 S22: password, history, spent token and a notification for every confirmed address commit together',
  async (t) => {
    const customer = await service.customer({ phones: ['+447700900123'], unconfirmed: ['new@example.com'] })
    const jti = systemRandom.id()
    t.equal((await change(customer, grant('change', customer.code, { jti }))).status, 204)
    t.same(
      (await waitingFor(customer)).map(({ type }) => type),
      ['password.changed', 'notify.password-changed', 'notify.password-changed'],
    )
    t.equal((await query('SELECT 1 FROM spent_token WHERE jti = $1', [jti])).length, 1)

    await service.outboxEmpty()
    const [record] = await changesOf(customer)
    const [event] = await service.events('PASSWORD', customer.code)
    t.match(event, {
      type: 'password.changed',
      source: 'password-service',
      data: { customer: customer.code, customerId: customer.id, changeId: record?.id, actor: 'client', channel: 'api' },
    })
    const notifications = await service.events('NOTIFY', customer.code)
    const recipients = await Promise.all(
      notifications.map(({ id, data }) => service.openAddress<object>(id, data.recipient ?? '')),
    )
    t.match(recipients, [
      { channel: 'email', to: customer.addresses[0], locale: 'en-GB', timezone: 'Europe/London' },
      { channel: 'sms', to: '+447700900123' },
    ])
  },
)

t.test('S24: if the history cannot be written, nothing is', async (t) => {
  const { customer, token } = await verifiedRestore()
  await query(`ALTER TABLE password_change ADD CONSTRAINT none CHECK (customer_id <> ${customer.id})`)
  const answer = await restore(token)
  t.equal(answer.status, 500, 'no outage of Postgres: not 503')
  t.equal(answer.body.code, 'internal')
  await query('ALTER TABLE password_change DROP CONSTRAINT none')
  t.equal((await query('SELECT 1 FROM credential WHERE customer_id = $1', [customer.id])).length, 0)
  t.equal((await waitingFor(customer)).length, 0)
  t.equal((await restore(token)).status, 204, 'the token was not spent')
})

t.test('S35: a violated constraint puts neither hash nor row into the log', async (t) => {
  const { customer, token } = await verifiedRestore()
  const values: Record<string, string> = {
    credential: "hash NOT LIKE '$argon2%' OR updated_at < now() - interval '1 minute'",
    password_change: `actor_id <> '${customer.code}'`,
    outbox: `subject <> '${customer.code}'`,
  }
  for (const [table, check] of Object.entries(values)) {
    const before = service.logs().length
    await query(`ALTER TABLE ${table} ADD CONSTRAINT planted CHECK (${check}) NOT VALID`)
    t.equal((await restore(token, { password: 'Planted-Secret-2' })).status, 500, table)
    await query(`ALTER TABLE ${table} DROP CONSTRAINT planted`)
    const logs = service.logs().slice(before)
    t.match(logs, '"code":"23514"', `${table}: the log has the SQLSTATE`)
    t.notMatch(logs, /\$argon2|Failing row|Planted-Secret|eyJ|@example\.com/, table)
  }
  t.equal((await restore(token)).status, 204)
})

t.test('a password that the back office sets while the current one is verified is not overwritten', async (t) => {
  const { customer, token } = await verifiedRestore()
  await restore(token)
  const successToken = grant('change', customer.code)
  const body = { password: 'Another 1', currentPassword: password }
  const backOffice = new pg.Client(service.variables.DATABASE_URL)
  await backOffice.connect()
  await backOffice.query('BEGIN')
  await backOffice.query('SELECT 1 FROM customer WHERE id = $1 FOR UPDATE', [customer.id])
  const changing = change(customer, successToken, body)
  await eventually(async () => {
    const waiting = await query(`SELECT 1 FROM pg_stat_activity
                                 WHERE datname = current_database() AND wait_event_type = 'Lock'`)
    return waiting.length > 0
  })
  await backOffice.query('UPDATE credential SET hash = $2 WHERE customer_id = $1', [customer.id, 'set by another'])
  await backOffice.query('COMMIT')
  await backOffice.end()
  const answer = await changing
  t.equal(answer.status, 422)
  t.match(answer.body, { code: 'current_password_wrong', errors: [{ field: 'currentPassword' }] })
  t.same(await query('SELECT hash FROM credential WHERE customer_id = $1', [customer.id]), [{ hash: 'set by another' }])
  t.equal((await changesOf(customer)).length, 1)
  t.equal((await change(customer, successToken)).status, 204, 'the token was not spent')
})
