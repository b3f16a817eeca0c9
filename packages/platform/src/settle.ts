import { type JsMsg, millis } from 'nats'
import type { Broker } from './broker.ts'
import type { Now } from './clock.ts'
import { createDeadLetters } from './dead-letter.ts'
import { LaterError, PermanentError } from './delivery.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { backoff } from './retry.ts'

interface Deps {
  broker: Broker
  metrics: Metrics
  now: Now
  log: Logger
  /** How long a failing event is retried, counted from its publication. */
  retryMs: number
  /** Type of the event. */
  type: string
  /** Name of the durable consumer. */
  durable: string
}

const pausesMs = [250, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000] as const

/** Ends each delivery of a message in one of three ways: acknowledged, redelivered later, or stored as a dead letter. */
export const createSettling = (deps: Deps) => {
  const { now, log, retryMs, type, durable } = deps
  const deadLetters = createDeadLetters(deps)

  const deadLetter = async (message: JsMsg, reason: string) => {
    const { data, headers, info } = message
    const msgID = `${durable}.${info.streamSequence}`
    await deadLetters.store({ type, data, headers, reason, msgID })
    // No reason in the acknowledgement: servers before 2.10.4 ignore a termination with one and redeliver.
    message.term()
    log.event('dead_letter', { type, eventId: headers?.get('ce-id'), reason: reason.replaceAll(/\s+/g, ' ') })
  }

  /** All pauses are used first: the whole service may have been down for longer than retryMs. */
  const isLastAttempt = ({ info: { timestampNanos, redeliveryCount } }: JsMsg) =>
    now().getTime() - millis(timestampNanos) >= retryMs && redeliveryCount > pausesMs.length

  return {
    isLastAttempt,

    /** Settles a message whose handler threw this error. */
    async fail(message: JsMsg, error: unknown): Promise<void> {
      if (error instanceof LaterError) return message.nak(error.afterMs)
      const attempt = message.info.redeliveryCount
      try {
        if (error instanceof PermanentError || isLastAttempt(message))
          return await deadLetter(message, (error as Error).message)
      } catch (storeError) {
        log.event('dead_letter_not_stored', { err: storeError })
      }
      log.event('event_not_handled', { type, eventId: message.headers?.get('ce-id'), attempt, err: error })
      message.nak(backoff(pausesMs, attempt))
    },
  }
}

export type Settling = ReturnType<typeof createSettling>
