import { listenerStreams } from '@rekey/contracts'
import { AckPolicy, type ConsumerConfig, DeliverPolicy, ErrorCode, type NatsConnection, NatsError, nanos } from 'nats'

/** Name of the durable consumers of the export, of which every stream that other services read has one. */
export const durable = 'audit'

/** Events that were sent and not acknowledged: more than one batch of each exporter. */
const mostUnacknowledged = 2_000
/** A batch of a killed exporter is delivered again after this time. */
const ackWaitMs = 30_000

const settings = (since: Date | undefined): Partial<ConsumerConfig> => ({
  durable_name: durable,
  description: 'audit export (npm run audit)',
  ack_policy: AckPolicy.Explicit,
  ack_wait: nanos(ackWaitMs),
  max_ack_pending: mostUnacknowledged,
  ...(since === undefined
    ? { deliver_policy: DeliverPolicy.All }
    : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() }),
})

const isMissing = (error: unknown) => error instanceof NatsError && error.api_error?.code === 404

/** Says what to do. The broker refuses a user without the permission by an error of the connection, and the request has no answer. */
const explain = (error: unknown): Error => {
  const { code, message } = error as NatsError
  if (message === 'stream not found') return new Error('the broker has no streams: run npm run streams')
  if (code !== ErrorCode.PermissionsViolation && code !== ErrorCode.Timeout) return error as Error
  return new Error(
    `this user of the broker may not create consumers (${message.trim()}): run this as the user streams, with --setup`,
  )
}

/**
 * Creates the consumers; existing ones stay where they are, unless `since` is given: then they begin there, and events
 * since that time are exported again with the same `metadata.uid`.
 *
 * @returns names of the streams whose consumer was created
 * @throws Error if the broker does not answer, or the user may not create consumers
 */
export const setUpConsumers = async (connection: NatsConnection, since?: Date): Promise<string[]> => {
  try {
    const { consumers } = await connection.jetstreamManager({ checkAPI: false })
    const created: string[] = []
    for (const stream of listenerStreams) {
      const exists = await consumers.info(stream, durable).then(
        () => true,
        (error) => {
          if (isMissing(error)) return false
          throw error
        },
      )
      if (exists && since === undefined) continue
      if (exists) await consumers.delete(stream, durable)
      await consumers.add(stream, settings(since))
      created.push(stream)
    }
    return created
  } catch (error) {
    throw explain(error)
  }
}
