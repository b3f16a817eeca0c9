import type { JsMsg } from 'nats'

/**
 * Tells the broker now and then that messages in hand are still worked on. A message gets the first heartbeat after one to
 * two intervals: `ackWaitMs` must be longer than that.
 */
export const startHeartbeat = (inHand: () => Iterable<JsMsg>, intervalMs: number): { close(): void } => {
  const seen = new WeakSet<JsMsg>()
  const beat = () => {
    for (const message of inHand()) {
      if (seen.has(message)) message.working()
      seen.add(message)
    }
  }
  const timer = setInterval(() => {
    try {
      beat()
    } catch {
      // There is no connection: the broker redelivers what it does not hear of in time.
    }
  }, intervalMs)
  return { close: () => clearInterval(timer) }
}
