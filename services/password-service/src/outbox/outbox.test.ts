import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'

const service = await startPasswordService(t)
const { query } = service

type Customer = Awaited<ReturnType<typeof service.customer>>

const change = async (customer: Customer) => (await service.change(customer)).status
const changeIds = ({ id }: Customer) =>
  query<{ id: number }>('SELECT id FROM password_change WHERE customer_id = $1 ORDER BY id', [id])
const published = async ({ code }: Customer) =>
  (await service.events('PASSWORD', code)).map(({ data }) => Number(data.changeId))

t.test('S24: with three relays each event is published once, and those of a customer in order', async (t) => {
  const others = await Promise.all([service.startAnother(), service.startAnother()])
  const customers = await Promise.all([service.customer(), service.customer(), service.customer()])
  // The changes of one customer run one after another, those of the three customers in parallel.
  const statuses = await Promise.all(
    customers.map(async (customer) => {
      const answers = []
      for (let round = 0; round < 5; round += 1) answers.push(await change(customer))
      return answers
    }),
  )
  t.same(new Set(statuses.flat()), new Set([204]))
  await service.outboxEmpty()
  for (const customer of customers) {
    t.same(
      await published(customer),
      (await changeIds(customer)).map(({ id }) => id),
    )
    const notifications = await service.events('NOTIFY', customer.code)
    t.equal(new Set(notifications.map(({ messageId }) => messageId)).size, 5)
    t.equal(notifications.length, 5)
    t.ok(notifications.every(({ id, messageId }) => id === messageId))
  }
  await Promise.all(others.map(({ app }) => app.close()))
})

t.test('a commit sends no NOTIFY, with which commits wait for one another; other programs do', async (t) => {
  const client = new pg.Client({ connectionString: service.variables.DATABASE_URL })
  const notified: string[] = []
  client.on('notification', ({ channel }) => notified.push(channel))
  await client.connect()
  t.teardown(() => client.end())
  await client.query('LISTEN outbox')
  const customer = await service.customer()
  t.equal(await change(customer), 204)
  await service.outboxEmpty()
  t.equal((await published(customer)).length, 1)
  await query(
    `INSERT INTO outbox (event_id, type, subject, data, created_at)
     VALUES (gen_random_uuid(), 'password.changed', $1, '{"changeId": 1}', now())`,
    [customer.code],
  )
  await eventually(async () => (await client.query('SELECT 1')) && notified.length > 0, { what: 'the notification' })
  t.same(notified, ['outbox'], 'only the second has sent one')
  await service.outboxEmpty()
})

t.test('S24: an event is published by another instance if its own ended after the commit', async (t) => {
  const customer = await service.customer()
  await query(
    `WITH without_notify AS MATERIALIZED (SELECT set_config('rekey.wakes_relay', 'on', true))
     INSERT INTO outbox (event_id, type, subject, data, created_at)
     SELECT gen_random_uuid(), 'password.changed', $1, '{"changeId": 1}', now() FROM without_notify`,
    [customer.code],
  )
  await service.outboxEmpty()
  t.same(await published(customer), [1])
})

t.test('S24: an event that was published just before a crash is not stored twice', async (t) => {
  const customer = await service.customer()
  await change(customer)
  await service.outboxEmpty()
  // The state after a relay crashed between the broker's acknowledgement and its own commit.
  await query('UPDATE outbox SET published_at = NULL WHERE subject = $1', [customer.code])
  await query(`NOTIFY outbox`)
  await service.outboxEmpty()
  t.equal((await published(customer)).length, 1)
})

t.test('S24: without the broker passwords still change, and each event is published once it is back', async (t) => {
  const customer = await service.customer()
  await service.nats.kill()
  t.equal(await change(customer), 204)
  t.equal(await change(customer), 204)
  const [row] = await query('SELECT count(*)::int AS n FROM outbox WHERE subject = $1 AND published_at IS NULL', [
    customer.code,
  ])
  t.equal(row?.n, 4)
  await service.nats.restart()
  await service.outboxEmpty()
  t.same(
    await published(customer),
    (await changeIds(customer)).map(({ id }) => id),
  )
})

t.test('events are published although the listener lost its connection', async (t) => {
  await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE application_name LIKE '%outbox' AND datname = current_database()`)
  const customer = await service.customer()
  await change(customer)
  await service.outboxEmpty()
  t.equal((await published(customer)).length, 1)
  await eventually(
    async () => {
      const rows = await query(`SELECT 1 FROM pg_stat_activity
                                WHERE application_name LIKE '%outbox' AND datname = current_database()`)
      return rows.length === 1
    },
    { what: 'the listener to reconnect' },
  )
})

t.test('the next instance publishes the events that were left at a stop', async (t) => {
  const customer = await service.customer()
  await service.app.close()
  await query(
    `INSERT INTO outbox (event_id, type, subject, data, created_at)
     VALUES (gen_random_uuid(), 'password.changed', $1, '{"changeId": 1}', now())`,
    [customer.code],
  )
  await service.startAnother()
  await service.outboxEmpty()
  t.same(await published(customer), [1])
})
