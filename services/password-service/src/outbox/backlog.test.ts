import { createMetrics } from '@rekey/platform/metrics'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import pg from 'pg'
import t from 'tap'
import { openLoops } from '../loops.fixture.ts'
import { prepared } from '../statements.ts'
import { createOutboxGauges } from './gauges.ts'
import { lanesOf } from './lanes.ts'
import { findWork, readDue, readLanes } from './relay.store.ts'

/** The statements that a connection has planned without values, and will not plan again. */
const keptPlans = prepared<{ name: string }>(
  'kept_plans',
  `SELECT name FROM pg_prepared_statements WHERE generic_plans > 0 AND name ~ '^(find_work|read_lanes|read_due)_'`,
)

t.test('S24: a plan that a connection keeps from an empty outbox reads by the index of the lane', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const loops = openLoops(t, postgres.url)
  const [lane = 0] = lanesOf.PASSWORD
  const from = new Map([[lane, 0n]])
  for (let call = 0; call < 10; call += 1) {
    await findWork(loops, from, new Date())
    await loops.runTransaction((run) => readLanes(run, { lanes: [lane], from, size: 100 }))
    await loops.runTransaction((run) => readDue(run, lane, new Date()))
  }
  const values: Record<string, string> = {
    find_work_0: `'{0}', '{0}', now()`,
    read_lanes_0: `'{0}', '{0}', 100`,
    read_due_0: '0, now()',
  }
  const names = (await loops.run(keptPlans)).map(({ name }) => name)
  t.same(names.toSorted(), Object.keys(values).toSorted())
  for (const name of names) {
    const explain = prepared<{ 'QUERY PLAN': string }>(`explain_${name}`, `EXPLAIN EXECUTE ${name}(${values[name]})`)
    const plan = (await loops.run(explain)).map((row) => row['QUERY PLAN'])
    const scans = plan.filter((line) => /Scan .*outbox/.test(line))
    t.ok(scans.length >= 2, plan.join('\n'))
    for (const scan of scans) t.match(scan, /Index (Only )?Scan using outbox_(lane|held|due)_idx/, name)
    t.notMatch(plan.join('\n'), /Sort {2}|Bitmap|Seq Scan/, name)
  }
})

t.test('S24: a backlog is read in order by index, also with outdated statistics', async (t) => {
  const { postgres } = await startInfrastructure(t, { postgres: true })
  const loops = openLoops(t, postgres.url)
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  t.teardown(() => client.end())
  const fill = (count: number, publishedAt: string) =>
    client.query(
      `INSERT INTO outbox (event_id, type, subject, data, created_at, published_at)
       SELECT gen_random_uuid(), 'password.changed', 'C' || n / 3, '{}', now(), ${publishedAt}
       FROM generate_series(0, $1::int - 1) AS n`,
      [count],
    )

  // Statistics of a day on which all events were published; then the broker is unavailable.
  await client.query('ALTER TABLE outbox SET (autovacuum_enabled = false)')
  await fill(20_000, 'now()')
  await client.query('ANALYZE outbox')
  await fill(150_000, 'NULL')

  const beginning = new Map(lanesOf.PASSWORD.map((lane) => [lane, 0n]))
  const work = await findWork(loops, beginning, new Date())
  t.equal(work.length, 8, 'each lane has events')
  for (const { lane, firstId } of work) {
    const events = await loops.runTransaction((run) => readLanes(run, { lanes: [lane], from: new Map(), size: 100 }))
    const ids = events.map(({ rowId }) => Number(rowId))
    t.equal(ids.length, 100)
    t.equal(ids[0], Number(firstId), 'the oldest is first')
    t.same(
      ids,
      ids.toSorted((one, other) => one - other),
    )
    const [first] = events
    const others = await client.query('SELECT id FROM outbox WHERE subject = $1 AND published_at IS NULL ORDER BY id', [
      first?.subject,
    ])
    t.same(
      ids.filter((_id, index) => events[index]?.subject === first?.subject),
      others.rows.map(({ id }) => Number(id)).slice(0, 3),
      'all events of a customer are in one lane',
    )
  }

  const metrics = createMetrics()
  createOutboxGauges({ loops, metrics, now: () => new Date() })
  const scrape = await metrics.metrics()
  t.match(scrape, /rekey_outbox_waiting_events\{stream="PASSWORD"\} 100000\n/, 'the count stops at 100,000')
  t.match(scrape, /rekey_outbox_waiting_events\{stream="NOTIFY"\} 0\n/)
  t.match(scrape, /rekey_outbox_held_events\{stream="PASSWORD"\} 0\n/)
  t.match(scrape, /rekey_outbox_oldest_age_seconds\{stream="PASSWORD"\} \d/)
  t.match(scrape, /rekey_outbox_oldest_age_seconds\{stream="NOTIFY"\} 0\n/)
})
