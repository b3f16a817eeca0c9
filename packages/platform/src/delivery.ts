import { clockSlackSeconds, decodeHeader, type EventData, type EventDefinition, readEventTime } from '@rekey/contracts'
import type { JsMsg } from 'nats'
import type { Now } from './clock.ts'
import { compileCheck } from './validation.ts'

/** Attributes of an event that a handler gets besides the data. */
export interface Delivery {
  /** CloudEvents id: equal at every redelivery. */
  eventId: string
  /** CloudEvents time by the publisher's clock, at most five minutes ahead. An invalid Date if the event has none. */
  time: Date
  /** Number of this delivery, from 1; over all instances. */
  attempt: number
  /** True if the event becomes a dead letter should this attempt fail. */
  isLastAttempt: boolean
}

/** Thrown by a handler that can never succeed: the event becomes a dead letter without a retry. */
export class PermanentError extends Error {}

/** Thrown by a handler whose event has to wait: the broker redelivers it after this time. Nothing failed. */
export class LaterError extends Error {
  readonly afterMs: number

  constructor(afterMs: number) {
    super('the event has to wait')
    this.afterMs = afterMs
  }
}

/** Data and attributes that a message has at every delivery. */
export type Content<E extends EventDefinition> = Pick<Delivery, 'eventId' | 'time'> & { data: EventData<E> }

/** Makes the function that reads a message of one event. It throws a PermanentError if the message is no such event. */
export const createReader = <E extends EventDefinition>(event: E, now: Now) => {
  const valid = compileCheck(event.data)

  return (message: JsMsg): Content<E> => {
    let data: unknown
    try {
      data = message.json()
    } catch {
      throw new PermanentError('the data is not JSON')
    }
    if (!valid(data)) throw new PermanentError('the data does not match the contract')
    const attribute = (name: string) => decodeHeader(message.headers?.get(`ce-${name}`) ?? '')
    const [type, eventId] = [attribute('type'), attribute('id')]
    if (type === undefined || eventId === undefined) throw new PermanentError('a header is not UTF-8')
    // A stream or consumer that puts a service's events on other subjects cannot change the headers (S47).
    if (type !== event.type) throw new PermanentError(`ce-type is ${type || 'missing'}, not the subject`)
    const time = readEventTime(attribute('time') ?? '')
    if (time.getTime() > now().getTime() + clockSlackSeconds * 1_000)
      throw new PermanentError('ce-time is in the future')
    return { data: data as EventData<E>, eventId, time }
  }
}
