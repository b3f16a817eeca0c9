import { setTimeout as pause } from 'node:timers/promises'
import {
  ChallengeFailed,
  ChallengeLocked,
  durableName,
  type EventData,
  type EventDefinition,
  unavailable,
} from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { readEventTime } from '@rekey/platform/consumer'
import { streamOf } from '@rekey/platform/streams'
import { compileCheck } from '@rekey/platform/validation'
import { ErrorCode, type JetStreamManager, NatsError, type StoredMsg } from 'nats'

interface Deps {
  broker: Broker
  /** Names the durable consumers. */
  service: string
  /** Counts one wrong code. Safe to repeat: a consumer counts it too. @throws RekeyError unavailable */
  record(failure: EventData<typeof ChallengeFailed>, answeredAt: Date): Promise<void>
}

/** The events of wrong codes. */
const failures = [ChallengeFailed, ChallengeLocked]

/** Longer than a consumer pauses before an event (after-answer.ts), and short enough for a caller to be answered 503. */
const waitMs = 1_500
const pollMs = 25
/** How long the consumers get to count, before this function counts by itself. */
const graceMs = 300

const isMissing = (error: unknown) => error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages

const failuresOf = new Map(failures.map((event) => [event, compileCheck(event.data)]))

/** Stream sequence of the last stored event of this type; 0 if there is none. The stream's leader answers. */
const lastStored = async (jsm: JetStreamManager, { type }: EventDefinition): Promise<number> => {
  try {
    return (await jsm.streams.getMessage(streamOf(type), { last_by_subj: type })).seq
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}

/**
 * Returns the function that waits until every wrong code that the broker has stored by now is counted, by any instance
 * (S42). A gateway answers a wrong code of a restore only after the broker stored its event: so the function has waited
 * for each wrong code that its sender knows of.
 */
export const createFailuresSeen = ({ broker, service, record }: Deps) => {
  /** Counts one stored wrong code, unless the consumer would refuse it. */
  const recordStored = async (event: (typeof failures)[number], message: StoredMsg): Promise<void> => {
    const answeredAt = readEventTime(message.header.get('ce-time'))
    const data: unknown = JSON.parse(message.string())
    if (Number.isNaN(answeredAt.getTime()) || !failuresOf.get(event)?.(data)) return
    await record(data as EventData<typeof ChallengeFailed>, answeredAt)
  }

  /**
   * Counts the stored wrong codes between two sequence numbers. The broker redelivers those that an instance had in hand
   * when it ended only after its `ack_wait`, and one that cannot be counted is retried for longer: neither must keep all
   * customers from restoring.
   */
  const recordBetween = async (
    jsm: JetStreamManager,
    event: (typeof failures)[number],
    { after, to }: { after: number; to: number },
    { signal }: { signal: AbortSignal },
  ) => {
    for (let seq = after + 1; seq <= to && !signal.aborted; ) {
      const query = { seq, next_by_subj: event.type } as unknown as { seq: number }
      const message = await jsm.streams.getMessage(streamOf(event.type), query)
      if (message.seq > to) return
      await recordStored(event, message)
      seq = message.seq + 1
    }
  }

  /** Waits until all events up to `sequence` are counted, or the signal aborts. */
  const counted = async (
    jsm: JetStreamManager,
    event: (typeof failures)[number],
    sequence: number,
    overdue: { signal: AbortSignal },
  ) => {
    const startedMs = performance.now()
    while (!overdue.signal.aborted) {
      const { ack_floor: floor } = await jsm.consumers.info(streamOf(event.type), durableName(service, event.type))
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
        const sequence = await lastStored(jsm, event)
        if (sequence > 0) await counted(jsm, event, sequence, overdue)
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
