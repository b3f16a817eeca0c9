import { setTimeout as pause } from 'node:timers/promises'
import { ChallengeFailed, ChallengeLocked, durableName, type EventData, unavailable } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { lastStored, nextStored, storedEventReader } from '@rekey/platform/stored-events'
import type { JetStreamManager } from 'nats'

interface Deps {
  broker: Broker
  /** Names the durable consumers. */
  service: string
  /** Counts one wrong code. Safe to repeat: a consumer counts it too. @throws RekeyError unavailable */
  record(failure: EventData<typeof ChallengeFailed>, answeredAt: Date): Promise<void>
}

const stream = 'AUTH'

/** The events of wrong codes. */
const failures = [ChallengeFailed, ChallengeLocked].map(({ type, ...event }) => ({
  type,
  read: storedEventReader({ type, ...event }),
}))
type Failure = (typeof failures)[number]

/** Longer than a consumer pauses before an event (after-answer.ts), and short enough for a caller to be answered 503. */
const waitMs = 1_500
const pollMs = 25
/** How long the consumers get to count, before this function counts by itself. */
const graceMs = 300

/**
 * Returns the function that waits until every wrong code that the broker has stored by now is counted, by any instance
 * (S42). A gateway answers a wrong code of a restore only after the broker stored its event: so the function has waited
 * for each wrong code that its sender knows of.
 */
export const createFailuresSeen = ({ broker, service, record }: Deps) => {
  /**
   * Counts the stored wrong codes between two sequence numbers. The broker redelivers those that an instance had in hand
   * when it ended only after its `ack_wait`, and one that cannot be counted is retried for longer: neither must keep all
   * customers from restoring.
   */
  const recordBetween = async (
    jsm: JetStreamManager,
    { type, read }: Failure,
    { after, to }: { after: number; to: number },
    { signal }: { signal: AbortSignal },
  ) => {
    for (let seq = after + 1; seq <= to && !signal.aborted; ) {
      const message = await nextStored(jsm, stream, seq, type)
      if (!message || message.seq > to) return
      // The consumer makes a dead letter of what cannot be read.
      const failure = read(message)
      if (failure) await record(failure.data, failure.time)
      seq = message.seq + 1
    }
  }

  /** Waits until all events up to `sequence` are counted, or the signal aborts. */
  const counted = async (jsm: JetStreamManager, event: Failure, sequence: number, overdue: { signal: AbortSignal }) => {
    const startedMs = performance.now()
    while (!overdue.signal.aborted) {
      const { ack_floor: floor } = await jsm.consumers.info(stream, durableName(service, event.type))
      if (floor.stream_seq >= sequence) return
      if (performance.now() - startedMs > graceMs)
        return recordBetween(jsm, event, { after: floor.stream_seq, to: sequence }, overdue)
      await pause(pollMs)
    }
  }

  const allCounted = async (overdue: { signal: AbortSignal }) => {
    const jsm = await broker.connection().jetstreamManager({ timeout: waitMs, checkAPI: false })
    await Promise.all(
      failures.map(async (event) => {
        const last = await lastStored(jsm, stream, event.type)
        if (last) await counted(jsm, event, last.seq, overdue)
      }),
    )
  }

  /** @throws RekeyError unavailable if the broker does not answer, or the wrong codes are not counted, within 1.5 s */
  return async (): Promise<void> => {
    const overdue = new AbortController()
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error('wrong codes wait to be counted')), waitMs)
    try {
      await Promise.race([allCounted(overdue), promise])
    } catch (cause) {
      throw unavailable(cause)
    } finally {
      clearTimeout(timer)
      overdue.abort()
    }
  }
}

export type FailuresSeen = ReturnType<typeof createFailuresSeen>
