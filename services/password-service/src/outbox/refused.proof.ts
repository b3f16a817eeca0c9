import { randomUUID } from 'node:crypto'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import { speedShares } from '@rekey/test-support/speed'
import t from 'tap'

// Rejected events do not slow down later ones: measures 20,000 good events alone, behind 1 and behind 100 rejected ones.

t.setTimeout(900_000)

// As many as take a second or more: a shorter round shows the start of a batch rather than the speed.
const good = 20_000
const timeoutMs = 60_000
/** Share of the speed without bad ones. */
const wanted = 0.9

t.test('20,000 good events behind 1 or 100 rejected ones are published at 90 % of the speed or more', async (t) => {
  const service = await startPasswordService(t, { privatePostgres: true })
  const manager = async () => (await service.broker.connected()).jetstreamManager()
  await (await manager()).streams.update('PASSWORD', { max_msg_size: 2_000 })
  const stored = async () => (await (await manager()).streams.info('PASSWORD')).state.messages

  /** Good events published a second; 0 if not all were published within a minute. */
  const speedBehind = async (rejected: number): Promise<number> => {
    await (await manager()).streams.purge('PASSWORD')
    const startMs = performance.now()
    await service.query(
      `INSERT INTO outbox (event_id, type, subject, data, created_at)
       SELECT gen_random_uuid(), 'password.changed', $1 || n,
              jsonb_build_object('filler', repeat('x', CASE WHEN n <= $2::int THEN 3000 ELSE 10 END)), now()
       FROM generate_series(1, $2::int + ${good}) AS n`,
      [randomUUID(), rejected],
    )
    const isDone = await eventually(async () => (await stored()) === good, { timeoutMs, intervalMs: 4 }).catch(
      () => false,
    )
    const seconds = (performance.now() - startMs) / 1_000
    t.comment(`behind ${rejected}: ${await stored()} of ${good} in ${seconds.toFixed(2)} s`)
    await service.query('DELETE FROM outbox')
    return isDone ? good / seconds : 0
  }

  const shares = await speedShares([1, 100], { wanted, measure: speedBehind })
  for (const { bad, perSecond, share } of shares) {
    t.ok(share >= wanted, `behind ${bad}: ${perSecond}/s, ${Math.round(100 * share)} %`)
    t.comment(`behind ${bad}: ${perSecond}/s, ${Math.round(100 * share)} %`)
  }
})
