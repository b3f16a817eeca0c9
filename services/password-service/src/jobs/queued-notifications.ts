import { NotifyResetRequested } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { streamOf } from '@rekey/platform/streams'

const timeoutMs = 2_000

/**
 * Counts the notifications of resets that the notifier has not sent yet, those under way and those that wait for a retry
 * included: the stream is a work queue.
 *
 * @throws RekeyError unavailable, NatsError
 */
export const countQueuedNotifications = async (broker: Broker): Promise<number> => {
  const { type } = NotifyResetRequested
  const jsm = await broker.connection().jetstreamManager({ timeout: timeoutMs, checkAPI: false })
  const { state } = await jsm.streams.info(streamOf(type), { subjects_filter: type })
  return state.subjects?.[type] ?? 0
}
