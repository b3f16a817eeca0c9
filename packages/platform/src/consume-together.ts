import { durableName, type EventDefinition, RekeyError } from '@rekey/contracts'
import type { JsMsg } from 'nats'
import { type Consumer, type ConsumerDeps, openIntake } from './consumer.ts'
import { consumerSpan } from './consumer-span.ts'
import { type Content, createReader, type Delivery, LaterError } from './delivery.ts'
import { createDueQueue } from './due-queue.ts'
import type { Pause } from './pause.ts'
import { createSettling } from './settle.ts'
import type { NewSpan } from './span.ts'
import { beginSpan, inSpanOf, runInContext, type TraceContext } from './trace.ts'

/** An event among those that are handled together. */
export interface Received<E extends EventDefinition> extends Content<E>, Delivery {
  /** Runs work for this event in its trace: the log lines and events of the work carry it. */
  inTrace<T>(work: () => T): T
}

interface Consumption<E extends EventDefinition> {
  event: E
  /** Maximum number of events that one call handles. */
  most: number
  pause?: Pause
  /**
   * Handles the events that are there, one call at a time. Must be idempotent: delivery is at least once.
   *
   * @returns for each event, in their order, why it failed; undefined if it succeeded
   * @throws RekeyError unavailable: all are retried later. After any other error each half is handled by itself, so that
   * the event that causes the error fails alone
   */
  handle(events: readonly Received<E>[]): Promise<readonly unknown[]>
}

interface Item {
  message: JsMsg
  settled(): void
}

/** An item that was read, and the span of its delivery. */
interface Taken<E extends EventDefinition> {
  item: Item
  received: Received<E>
  trace: TraceContext
}

/** An event that has to wait no longer than this stays here. Others go back to the broker, and leave room for more. */
const keptMs = 100

/** Redelivered at once, a message may go to a request of this instance that the broker still has. */
const returnMs = 50

const isUnavailable = (error: unknown) => error instanceof RekeyError && error.code === 'unavailable'

/**
 * Consumes one event as `consume` does, several messages at a time: one statement may then do the work of many. It never
 * waits for more messages. Each one is acknowledged, retried or stored as a dead letter by itself.
 */
export const consumeTogether = <E extends EventDefinition>(
  deps: ConsumerDeps,
  { event, most, pause, handle }: Consumption<E>,
): Consumer => {
  const { now, random, log, service } = deps
  const durable = durableName(service, event.type)
  const read = createReader(event, now)
  const settling = createSettling({ ...deps, type: event.type, durable })
  const span = consumerSpan(event, service)
  /** Grows by one with each success: doubled, it would be too large again at once. */
  let size = most

  const receive = (message: JsMsg, trace: TraceContext): Received<E> => ({
    ...read(message),
    attempt: message.info.redeliveryCount,
    isLastAttempt: settling.isLastAttempt(message),
    inTrace: (work) => runInContext(trace, work),
  })

  /**
   * Runs the work of one event in its span. The work of several is a child of the first recorded one, linked to the
   * others, and they to it.
   */
  const handleInTrace = (batch: Taken<E>[]): Promise<readonly unknown[]> => {
    const work = () => handle(batch.map(({ received }) => received))
    const [first, ...others] = batch.flatMap(({ trace }) => (trace.span ? [trace] : []))
    if (!first) return work()
    if (batch.length === 1) return runInContext(first, work)
    const together = (): NewSpan => ({
      name: `process ${event.type} together`,
      kind: 'internal',
      attributes: { 'messaging.batch.message_count': batch.length },
      links: others.map(({ traceparent }) => traceparent),
    })
    return inSpanOf(first.traceparent, together, (traceparent) => {
      for (const { span } of others) span?.link(traceparent)
      return work()
    })
  }

  /** Only the acknowledgement can fail, over a closed connection: the broker redelivers the message. */
  const settle = async (item: Item, { span }: TraceContext, error: unknown) => {
    const { message, settled } = item
    if (error !== undefined) span?.fail(error)
    span?.end()
    if (error instanceof LaterError && error.afterMs <= keptMs && queue.addLater(item, error.afterMs)) return
    try {
      if (error === undefined) message.ack()
      else await settling.fail(message, error)
    } catch (err) {
      log.event('message_not_acknowledged', { err, consumer: durable })
    } finally {
      settled()
    }
  }

  const handleAll = async (batch: Taken<E>[]): Promise<void> => {
    let errors: readonly unknown[]
    try {
      errors = await handleInTrace(batch)
      size = Math.min(most, size + 1)
    } catch (error) {
      if (batch.length > 1 && !isUnavailable(error)) {
        const half = Math.ceil(batch.length / 2)
        await handleAll(batch.slice(0, half))
        return handleAll(batch.slice(half))
      }
      // The statement may take too long because the batch is too large.
      size = Math.max(1, Math.floor(Math.min(size, batch.length) / 2))
      errors = batch.map(() => error)
    }
    await Promise.all(batch.map(({ item, trace }, index) => settle(item, trace, errors[index])))
  }

  const run = async (items: Item[]) => {
    const batch: Taken<E>[] = []
    const unreadable: Promise<void>[] = []
    for (const item of items) {
      const { message } = item
      const trace = beginSpan(random, message.headers?.get('traceparent'), span)
      trace.span?.set({ 'rekey.attempt': message.info.redeliveryCount })
      try {
        batch.push({ item, received: receive(message, trace), trace })
      } catch (error) {
        unreadable.push(settle(item, trace, error))
      }
    }
    if (batch.length > 0) await handleAll(batch)
    await Promise.all(unreadable)
  }

  const queue = createDueQueue<Item>({ pause, random, most: () => size, run })
  /** Messages that go back to the broker when this consumer has closed. */
  const returned: Item[] = []
  const capacity = pause?.mostInHand ?? 2 * most
  const intake = openIntake(deps, {
    event,
    capacity,
    leastRoom: Math.ceil(capacity / 4),
    take: (message) =>
      new Promise((settled) => {
        const item = { message, settled }
        if (!queue.add(item)) returned.push(item)
      }),
  })

  return {
    async close() {
      returned.push(...queue.close())
      await intake.close(() => {
        for (const { message, settled } of returned) {
          settled()
          message.nak(returnMs)
        }
      })
    },
  }
}
