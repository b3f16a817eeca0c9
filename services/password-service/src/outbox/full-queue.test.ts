import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

t.test('a full queue of one notification refuses it alone, and it becomes no dead letter', async (t) => {
  const service = await startPasswordService(t, { env: { REKEY_EVENT_RETRY_HOURS: '1' } })
  const { query, clock } = service
  const jsm = await (await service.broker.connected()).jetstreamManager()
  await jsm.streams.update('NOTIFY', { max_msgs_per_subject: 1 })
  await query(
    `INSERT INTO outbox (event_id, type, subject, data, created_at)
     SELECT gen_random_uuid(), type, subject, '{}', now() FROM (VALUES
       ('first', 'notify.password-changed'), ('refused', 'notify.password-changed'), ('other', 'notify.restore-blocked')
     ) AS event (subject, type)`,
  )
  const stored = async (subject: string) => (await service.events('NOTIFY', subject)).length
  const find = async () =>
    (
      await query<{ subject: string; attempts: number }>(
        'SELECT subject, attempts FROM outbox WHERE published_at IS NULL',
      )
    ).map(({ subject, attempts }) => ({ subject, attempts }))
  const waiting = await eventually(
    async () => {
      const rows = await find()
      return rows.length === 1 ? rows : undefined
    },
    { what: 'all events but one to be published' },
  )
  t.equal(await stored('other'), 1, 'an event of another type is stored')
  const [refused] = waiting
  // Each attempt is after the time in which another rejected event becomes a dead letter.
  for (const attempts of [2, 3]) {
    clock.advance(7_200_000)
    await eventually(async () => ((await find())[0]?.attempts ?? 0) >= attempts, { what: `${attempts} attempts` })
  }
  t.same(await service.events('DEAD', refused?.subject ?? ''), [])

  await jsm.streams.purge('NOTIFY')
  clock.advance(60_000)
  await service.outboxEmpty()
  t.equal(await stored(refused?.subject ?? ''), 1)
})
