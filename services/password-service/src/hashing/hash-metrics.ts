import { buckets, gauge, histogram, type Metrics } from '@rekey/platform/metrics'
import type { WorkMetrics } from '@rekey/platform/queue'

/** Measures the queue of password hashes. `waiting`: how many wait now. */
export const createHashMetrics = (metrics: Metrics, waiting: () => number): WorkMetrics => {
  gauge(metrics, {
    name: 'rekey_hash_queue_depth',
    help: 'Password hashes that wait for their turn, of at most REKEY_HASH_QUEUE; running ones are not counted',
    collect() {
      this.set(waiting())
    },
  })
  const waits = histogram(metrics, {
    name: 'rekey_hash_wait_seconds',
    help: 'Time that a password hash waited for its turn; after 1.2 s it is refused (rekey_overload_refused_total)',
    buckets: buckets.hash,
  })
  const durations = histogram(metrics, {
    name: 'rekey_hash_duration_seconds',
    help: 'Time of a password hash from its turn to its end; a password is compared in up to two forms, each with a hash',
    buckets: buckets.hash,
  })
  return {
    waited: (ms) => waits.observe(ms / 1_000),
    ran: (ms) => durations.observe(ms / 1_000),
  }
}
