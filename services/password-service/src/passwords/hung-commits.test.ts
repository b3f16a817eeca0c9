import { scopes } from '@rekey/contracts'
import { sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'

// A synchronous standby is away: every COMMIT hangs, and is cancelled when its caller gets 503.

const service = await startPasswordService(t, { privatePostgres: true })
const { http, query, bearer, grant } = service
const direct = new pg.Client(service.variables.DATABASE_URL)
await direct.connect()
t.teardown(() => direct.end())

const setStandby = async (name: string) => {
  await direct.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`)
  await direct.query('SELECT pg_reload_conf()')
  const current = `SELECT current_setting('synchronous_standby_names') AS name`
  await eventually(
    async () => (await sql<{ name: string }>(service.variables.DATABASE_URL ?? '', current))[0]?.name === name,
    {
      what: 'the configuration',
    },
  )
}

const busyBackends = async () =>
  (await query(`SELECT FROM pg_stat_activity WHERE application_name = 'rekey-password-service' AND state <> 'idle'`))
    .length

t.test('S24 S25: with hung COMMITs a new password is answered 503, and is done wholly or not at all', async (t) => {
  const customers = await Promise.all(Array.from({ length: 8 }, () => service.customer()))
  const requests = await Promise.all(
    customers.map(async (customer, index) => {
      const token = grant('restore', await service.restoreOf(customer.id))
      const password = `birch anchor ${index} tidal`
      return { customer, send: () => http.post('/api/v2/my/password/restore', { password }, { successToken: token }) }
    }),
  )
  await setStandby('absent')
  t.teardown(() => setStandby(''))
  const answers = await Promise.all(requests.map(({ send }) => send()))
  t.same(
    answers.map(({ status }) => status),
    answers.map(() => 503),
  )
  t.ok(answers.every(({ headers }) => Number(headers.get('retry-after')) > 0))
  t.equal((await http.get('/healthz')).status, 200)

  await setStandby('')
  await eventually(async () => (await http.get('/readyz')).body.status === 'ok', { what: 'the service to be whole' })
  await eventually(async () => (await busyBackends()) === 0, { what: 'no busy backend' })
  for (const { customer, send } of requests) {
    const changes = () => query('SELECT FROM password_change WHERE customer_id = $1', [customer.id])
    const wasDone = (await changes()).length === 1
    const again = await eventually(async () => {
      const answer = await send()
      return answer.status === 503 ? undefined : answer
    })
    t.equal(
      again.status === 204,
      !wasDone,
      `${again.status}: a repeated request succeeds only if the first was not done`,
    )
    t.equal((await changes()).length, 1, 'one record')
    t.equal((await query('SELECT FROM credential WHERE customer_id = $1', [customer.id])).length, 1)
  }
  await service.outboxEmpty()
  for (const { customer } of requests) {
    t.equal((await service.events('PASSWORD', customer.code)).length, 1, 'one event')
    const list = await http.get('/api/v2/my/password/changes', { authorization: bearer(customer.code, scopes.full) })
    t.equal(list.status, 200)
  }
})
