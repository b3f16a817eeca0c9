import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import type { StreamConfig } from 'nats'
import t from 'tap'

const service = await startPasswordService(t)
const { query, clock } = service

const manager = async () => (await service.broker.connected()).jetstreamManager()
const update = async (stream: string, config: Partial<StreamConfig>) => {
  await (await manager()).streams.update(stream, config)
}

/** Adds events to the outbox: subject (a customer's code), number, type and size of the data. */
const add = async (...events: [subject: string, number: number, options?: { type?: string; bytes?: number }][]) => {
  for (const [subject, number, { type = 'password.changed', bytes = 10 } = {}] of events) {
    await query(
      `INSERT INTO outbox (event_id, type, subject, data, created_at)
       VALUES (gen_random_uuid(), $2, $1, jsonb_build_object('n', $3::int, 'filler', repeat('x', $4::int)), now())`,
      [subject, type, number, bytes],
    )
  }
}
const numbers = async (stream: 'PASSWORD' | 'NOTIFY' | 'DEAD', subject: string) =>
  (await service.events(stream, subject)).map(({ data }) => Number(data.n))
const published = (stream: 'PASSWORD' | 'NOTIFY' | 'DEAD', subject: string, expected: number[]) =>
  eventually(async () => String(await numbers(stream, subject)) === String(expected), {
    what: `${expected} of ${subject} on ${stream}`,
  })
/** An event that the broker rejects because of its size. */
const tooLarge = { bytes: 3_000 }

t.beforeEach(() => update('PASSWORD', { max_msg_size: 2_000 }))

t.test('a rejected event delays only later events of the same customer and stream', async (t) => {
  await add(['one', 1], ['one', 2, tooLarge], ['one', 3], ['one', 4, { type: 'notify.password-changed' }], ['two', 1])
  await add(['two', 2], ['one', 5])
  await published('PASSWORD', 'two', [1, 2])
  await published('PASSWORD', 'one', [1])
  await published('NOTIFY', 'one', [4])
  await add(['one', 6], ['two', 3])
  await published('PASSWORD', 'two', [1, 2, 3])
  t.same(await numbers('PASSWORD', 'one'), [1], 'events added later are held too')

  const held = await query<{ attempts: number; refused: boolean }>(
    `SELECT attempts, refused_at IS NOT NULL AS refused FROM outbox
     WHERE subject = 'one' AND published_at IS NULL AND retry_at IS NOT NULL ORDER BY id`,
  )
  t.equal(held.length, 4)
  t.ok(held[0]?.refused && held[0].attempts >= 1)
  t.notOk(held[1]?.refused)
  const scrape = await service.metrics.metrics()
  t.match(scrape, /rekey_outbox_held_events\{stream="PASSWORD"\} 4\n/)
  t.match(scrape, /rekey_outbox_refused_total\{type="password.changed"\} [1-9]/)

  await update('PASSWORD', { max_msg_size: -1 })
  clock.advance(60_000)
  await published('PASSWORD', 'one', [1, 2, 3, 5, 6])
})

t.test('an event that the broker rejected for a day becomes a dead letter, and later ones are published', async (t) => {
  await add(['three', 1, tooLarge], ['three', 2])
  await eventually(
    async () => (await query(`SELECT 1 FROM outbox WHERE subject = 'three' AND retry_at IS NOT NULL`)).length === 2,
    { what: 'the events to be held' },
  )
  t.same(await numbers('PASSWORD', 'three'), [])
  clock.advance(24 * 3_600_000)
  await published('DEAD', 'three', [1])
  await published('PASSWORD', 'three', [2])
  await service.outboxEmpty()
})

t.test('an event that no stream stores delays no other event, and becomes a dead letter', async (t) => {
  // No stream has this subject, so no server answers: an older version may have left events of a removed type.
  const unknown = { type: 'password.unknown' }
  for (const subject of ['p', 'q', 'r']) await add([subject, 1, unknown], [subject, 2])
  await add(['eight', 1])
  await published('PASSWORD', 'eight', [1])
  for (let number = 2; number <= 4; number += 1) {
    await add(['eight', number])
    await published('PASSWORD', 'eight', [1, 2, 3, 4].slice(0, number))
  }
  await eventually(
    async () => (await query(`SELECT 1 FROM outbox WHERE type = 'password.unknown' AND attempts > 0`)).length === 3,
    { what: 'the events to be held' },
  )
  clock.advance(24 * 3_600_000)
  for (const subject of ['p', 'q', 'r']) {
    await published('DEAD', subject, [1])
    await published('PASSWORD', subject, [2])
  }
  const [row] = await query<{ waiting: number }>(
    'SELECT count(*)::int AS waiting FROM outbox WHERE published_at IS NULL',
  )
  t.equal(row?.waiting, 0)
})

t.test('an event that is too large for the broker becomes a dead letter without its data', async (t) => {
  await add(['large', 1, { bytes: 1_100_000 }], ['large', 2])
  await eventually(
    async () => (await query(`SELECT 1 FROM outbox WHERE subject = 'large' AND retry_at IS NOT NULL`)).length === 2,
    { what: 'the events to be held' },
  )
  clock.advance(24 * 3_600_000)
  await published('PASSWORD', 'large', [2])
  const jsm = await manager()
  const letter = await jsm.streams.getMessage('DEAD', { last_by_subj: 'dead.password.changed' })
  t.equal(letter.data.length, 0)
  t.match(letter.header.get('rekey-data-omitted'), /^11\d{5} bytes$/)
  t.match(letter.header.get('rekey-reason'), /^rejected by the broker since /)
})

t.test('S24: rejected events of five hundred customers delay no other event', async (t) => {
  await query(
    `INSERT INTO outbox (event_id, type, subject, data, created_at)
     SELECT gen_random_uuid(), 'password.changed', 'P' || n, jsonb_build_object('filler', repeat('x', 3000)), now()
     FROM generate_series(1, 500) AS n`,
  )
  await add(['four', 1])
  await published('PASSWORD', 'four', [1])
  t.same(await numbers('PASSWORD', 'four'), [1])
  await update('PASSWORD', { max_msg_size: -1 })
  clock.advance(60_000)
  await service.outboxEmpty()
})

t.test('S21: a full or missing stream NOTIFY delays no event of PASSWORD', async (t) => {
  await add(['five', 1, { type: 'notify.password-changed' }])
  await service.outboxEmpty()
  const { state } = await (await manager()).streams.info('NOTIFY')
  t.ok(state.messages > 0)
  await update('NOTIFY', { max_msgs: state.messages })
  await add(['six', 1, { type: 'notify.password-changed' }], ['six', 2])
  await published('PASSWORD', 'six', [2])
  const [waiting] = await query<{ attempts: number }>(
    `SELECT attempts FROM outbox WHERE subject = 'six' AND published_at IS NULL AND retry_at IS NULL`,
  )
  t.same(waiting, { attempts: 0 }, 'the event waits, and is not counted as rejected')
  await update('NOTIFY', { max_msgs: -1 })
  await published('NOTIFY', 'six', [1])

  // A publisher cannot distinguish a missing stream from one without a leader: no server answers.
  const { config } = await (await manager()).streams.info('NOTIFY')
  await (await manager()).streams.delete('NOTIFY')
  await add(['seven', 1, { type: 'notify.password-changed' }], ['seven', 2])
  await published('PASSWORD', 'seven', [2])
  await (await manager()).streams.add(config)
  await published('NOTIFY', 'seven', [1])
})
