import { setTimeout as pause } from 'node:timers/promises'
import { ChallengeFailed, ChallengeLocked, durableName, type EventDefinition, unavailable } from '@rekey/contracts'
import type { Broker } from '@rekey/platform/broker'
import { streamOf } from '@rekey/platform/streams'
import { ErrorCode, type JetStreamManager, NatsError } from 'nats'

interface Deps {
  broker: Broker
  /** Names the durable consumers. */
  service: string
}

/** The events of wrong codes. */
const failures = [ChallengeFailed, ChallengeLocked]

/** Longer than a consumer pauses before an event (after-answer.ts), and short enough for a caller to be answered 503. */
const waitMs = 1_500
const pollMs = 25

const isMissing = (error: unknown) => error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages

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
export const createFailuresSeen = ({ broker, service }: Deps) => {
  /** Waits until the durable consumer has acknowledged all events up to `sequence`, or the signal aborts. */
  const acknowledged = async (
    jsm: JetStreamManager,
    { type }: EventDefinition,
    sequence: number,
    { signal }: { signal: AbortSignal },
  ) => {
    while (!signal.aborted) {
      const { ack_floor: floor } = await jsm.consumers.info(streamOf(type), durableName(service, type))
      if (floor.stream_seq >= sequence) return
      await pause(pollMs)
    }
  }

  const allAcknowledged = async (overdue: { signal: AbortSignal }) => {
    const jsm = await broker.connection().jetstreamManager({ timeout: waitMs, checkAPI: false })
    await Promise.all(
      failures.map(async (event) => {
        const sequence = await lastStored(jsm, event)
        if (sequence > 0) await acknowledged(jsm, event, sequence, overdue)
      }),
    )
  }

  /** @throws RekeyError unavailable if the broker does not answer, or the wrong codes are not counted, within 1.5 s */
  return async (): Promise<void> => {
    const overdue = new AbortController()
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error('wrong codes wait to be counted')), waitMs)
    try {
      await Promise.race([allAcknowledged(overdue), promise])
    } catch (cause) {
      throw unavailable(cause)
    } finally {
      clearTimeout(timer)
      overdue.abort()
    }
  }
}

export type FailuresSeen = ReturnType<typeof createFailuresSeen>
