import t from 'tap'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'

/** A registry; the test sets the clock. */
const start = () => {
  let time = 0
  const metrics = createMetrics()
  return {
    ...createProgress({ elapsedMs: () => time, metrics }),
    metrics,
    elapse(ms: number) {
      time += ms
    },
  }
}

t.test('a part with waiting items and no progress for 15 s is degraded until an item is finished', async (t) => {
  const { watch, degraded, elapse } = start()
  const relay = watch('relay')
  watch('sweeper').waiting(0)
  relay.waiting(3)
  elapse(14_999)
  t.same(degraded(), {})
  elapse(1)
  t.same(degraded(), { relay: '3 waiting, none finished for 15 s' })
  relay.moved()
  relay.waiting(2)
  t.same(degraded(), {})
  elapse(20_000)
  relay.waiting(2)
  t.same(degraded(), { relay: '2 waiting, none finished for 20 s' })
  relay.waiting(0)
  t.same(degraded(), {})
})

t.test('time without waiting items does not count as a stall', async (t) => {
  const { watch, degraded, elapse } = start()
  const relay = watch('relay')
  elapse(3_600_000)
  relay.waiting(1)
  t.same(degraded(), {})
  elapse(15_000)
  t.match(degraded(), { relay: String })
})

t.test('the metrics state how many items wait in each part and how long none was finished', async (t) => {
  const { watch, metrics, elapse } = start()
  watch('relay').waiting(3)
  watch('sweeper').waiting(0)
  elapse(7_500)
  const text = await metrics.metrics()
  t.match(text, 'rekey_progress_waiting{part="relay"} 3')
  t.match(text, 'rekey_progress_waiting{part="sweeper"} 0')
  t.match(text, 'rekey_progress_stalled_seconds{part="relay"} 7.5')
  t.match(text, 'rekey_progress_stalled_seconds{part="sweeper"} 0')
})
