import { eventually } from '@rekey/test-support/eventually'
import pg from 'pg'
import t from 'tap'
import { startWaiting } from './waiting-restores.fixture.ts'

const service = await startWaiting(t)
const { open, query, restores, records, published, pass, until, notices } = service

/** Statements that hold the loop at a step of its transaction, until they are rolled back. */
const moments = [
  { when: 'the customer is locked', hold: 'SELECT 1 FROM customer FOR UPDATE', waiting: '%FROM customer c WHERE%' },
  { when: 'the restore is written', hold: 'LOCK TABLE waiting_restore IN EXCLUSIVE MODE', waiting: 'UPDATE waiting_%' },
  { when: 'the events are written', hold: 'LOCK TABLE outbox IN EXCLUSIVE MODE', waiting: '%INSERT INTO outbox%' },
]

const steps = [
  { hours: 12, leadsTo: { noticesSent: 2 } },
  { hours: 11.5, leadsTo: { noticesSent: 3 } },
  { hours: 80, leadsTo: { state: 'expired' } },
]

t.test('S58: SIGKILL at any step of a notice or an expiry sends none twice, and leaves none out', async (t) => {
  const people = await Promise.all(moments.map(() => service.person()))
  for (const person of people) t.match(await open(person), { waits: true })
  // Only the instance that is killed has a loop from here on.
  await service.app.close()
  const instance = await service.startProcess(1)

  for (const [index, { when, hold, waiting }] of moments.entries()) {
    const person = people[index] as (typeof people)[0]
    const held = () =>
      query(
        `SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1 AND pid <> pg_backend_pid()`,
        [waiting],
      )
    for (const { hours, leadsTo } of steps) {
      const holder = new pg.Client(service.variables.DATABASE_URL)
      holder.on('error', () => {})
      await holder.connect()
      await pass(person.id, hours)
      await holder.query(`BEGIN; ${hold}`)
      // The loop may have come first; then it was not held, and the kill comes after its commit.
      await eventually(
        async () => {
          const last = (await restores(person.id)).at(-1) as Record<string, unknown> | undefined
          const isDone = Object.entries(leadsTo).every(([name, value]) => last?.[name] === value)
          return isDone || (await held()).length > 0
        },
        { what: `${when}, before ${JSON.stringify(leadsTo)}` },
      )
      await instance.kill()
      await holder.end()
      await instance.restart()
      await until(person.id, leadsTo)
    }
    const told = (await notices(person)).map(({ notice }) => notice).toSorted()
    t.same(told, ['half', 'half', 'last', 'last', 'opened', 'opened'], when)
    t.same(await records(person.id), ['open_waiting_restore', 'expire_waiting_restore'], when)
    t.match(await restores(person.id), [{ state: 'expired' }])
    t.equal((await published(person)).length, 2)
  }
})
