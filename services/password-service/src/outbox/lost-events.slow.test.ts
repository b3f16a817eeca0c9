import { execFile } from 'node:child_process'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import { hasAllParts } from '@rekey/test-support/readiness'
import { AckPolicy } from 'nats'
import t from 'tap'

const service = await startPasswordService(t)
const { query, nats, natsDataDir } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const copyDir = `${natsDataDir}-copy`
t.teardown(() => rmSync(copyDir, { recursive: true, force: true }))

const isReady = () => eventually(() => hasAllParts(service.url), { what: 'the service' })
const manager = async () => (await service.broker.connected()).jetstreamManager()

/** Copies the broker's data while it is stopped. */
const copyBroker = async () => {
  await nats.stop()
  rmSync(copyDir, { recursive: true, force: true })
  cpSync(natsDataDir, copyDir, { recursive: true })
  await nats.restart()
  await isReady()
}

/** Kills the broker and starts it with the copied data, as after a power failure that cut off what was not synced. */
const restoreBroker = async () => {
  await nats.kill()
  rmSync(natsDataDir, { recursive: true, force: true })
  cpSync(copyDir, natsDataDir, { recursive: true })
  await nats.restart()
}

const changes = async (customer: Customer, count: number) => {
  for (let done = 0; done < count; done += 1) t.equal((await service.change(customer)).status, 204)
}

const storedOf = async ({ code }: Customer) => ({
  changes: (await service.events('PASSWORD', code)).map(({ data }) => Number(data.changeId)),
  notifications: (await service.events('NOTIFY', code)).map(({ id }) => id),
})

const expectedOf = async ({ id, code }: Customer) => ({
  changes: (await query<{ id: number }>('SELECT id FROM password_change WHERE customer_id = $1 ORDER BY id', [id])).map(
    (row) => row.id,
  ),
  notifications: (
    await query<{ id: string }>(
      `SELECT event_id::text AS id FROM outbox WHERE subject = $1 AND type LIKE 'notify.%' ORDER BY id`,
      [code],
    )
  ).map((row) => row.id),
})

/** Acknowledges every notification, as the notifier does: the work queue deletes them. */
const sendNotifications = async () => {
  const jsm = await manager()
  await jsm.consumers.add('NOTIFY', { durable_name: 'test', ack_policy: AckPolicy.Explicit })
  const consumer = await (await service.broker.connected()).jetstream().consumers.get('NOTIFY', 'test')
  for await (const message of await consumer.fetch({ max_messages: 100, expires: 1_000 })) await message.ackAck()
  t.equal((await jsm.streams.info('NOTIFY')).state.messages, 0)
}

const lostEvents = async () => {
  const metric = await service.metrics.getSingleMetric('rekey_outbox_lost_events_total')?.get()
  return Object.fromEntries(metric?.values.map(({ labels, value }) => [labels.stream, value]) ?? [])
}

t.test('S50: what the broker lost is stored again once and in order, and nothing else is repeated', async (t) => {
  const another = await service.startAnother()
  const [before, after, both] = [await service.customer(), await service.customer(), await service.customer()]
  await changes(before, 1)
  await changes(both, 1)
  await service.outboxEmpty()
  await sendNotifications()
  await copyBroker()

  await changes(after, 3)
  await changes(both, 2)
  await service.outboxEmpty()
  await restoreBroker()

  for (const customer of [before, after, both]) {
    const { changes } = await expectedOf(customer)
    await eventually(async () => (await storedOf(customer)).changes.length >= changes.length, { what: 'its events' })
    t.same((await storedOf(customer)).changes, changes)
  }
  await service.outboxEmpty()
  t.same((await storedOf(before)).notifications, [], 'sent notifications are not sent again')
  t.same((await storedOf(after)).notifications, (await expectedOf(after)).notifications)
  t.same((await storedOf(both)).notifications, (await expectedOf(both)).notifications.slice(1))
  t.match(service.logs(), /"event":"events_lost_by_broker","stream":"PASSWORD"/)
  await another.app.close()
})

t.test('S50: a broker that lost nothing gets nothing again', async (t) => {
  const customer = await service.customer()
  await changes(customer, 2)
  await service.outboxEmpty()
  await sendNotifications()
  const found = await lostEvents()
  await nats.kill()
  await nats.restart()
  await isReady()
  await changes(customer, 1)
  await service.outboxEmpty()
  const { changes: ids, notifications } = await expectedOf(customer)
  t.same(await storedOf(customer), { changes: ids, notifications: notifications.slice(2) })
  t.same(await lostEvents(), found)
})

t.test('npm run streams -- republish publishes the events again that were published since a time', async (t) => {
  const [old, recent] = [await service.customer(), await service.customer()]
  await changes(old, 1)
  await service.outboxEmpty()
  const [row] = await query<{ since: Date }>(`SELECT max(published_at) + interval '1 ms' AS since FROM outbox`)
  await changes(recent, 2)
  await service.outboxEmpty()
  await nats.kill()
  // As if an older version had published them: the rows have no sequence number.
  await query('UPDATE outbox SET stream_seq = NULL')
  rmSync(natsDataDir, { recursive: true, force: true })
  cpSync(copyDir, natsDataDir, { recursive: true })
  const republish = async (...args: string[]) =>
    (
      await promisify(execFile)(
        process.execPath,
        [join(import.meta.dirname, '../../../../scripts/streams.ts'), ...args],
        {
          env: { PATH: process.env.PATH, DATABASE_URL: service.variables.DATABASE_URL },
        },
      )
    ).stdout
  await t.rejects(republish('republish', '--since', 'yesterday'), /--since needs a time/)
  const since = row?.since.toISOString() ?? ''
  t.match(await republish('republish', '--since', since), /^4 events wait to be published again/)
  await nats.restart()
  await service.outboxEmpty()
  t.same(await storedOf(recent), await expectedOf(recent))
  t.same((await storedOf(old)).changes, [])
})
