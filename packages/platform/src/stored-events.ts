import { type EventData, type EventDefinition, readEventTime } from '@rekey/contracts'
import { ErrorCode, type JetStreamManager, type MsgRequest, NatsError, type StoredMsg } from 'nats'
import { compileCheck } from './validation.ts'

// Messages of a stream, read by their place. The stream's leader answers, so that none is missing.

const find = async (jsm: JetStreamManager, stream: string, query: object): Promise<StoredMsg | undefined> => {
  try {
    return await jsm.streams.getMessage(stream, query as MsgRequest)
  } catch (error) {
    if (error instanceof NatsError && error.code === ErrorCode.JetStream404NoMessages) return undefined
    throw error
  }
}

/** The first message from a sequence number on, of this subject. @returns undefined if there is none */
export const nextStored = (jsm: JetStreamManager, stream: string, seq: number, subject = '>') =>
  find(jsm, stream, { seq, next_by_subj: subject })

/** The last message of a subject. @returns undefined if there is none */
export const lastStored = (jsm: JetStreamManager, stream: string, subject: string) =>
  find(jsm, stream, { last_by_subj: subject })

const parse = (message: StoredMsg): unknown => {
  try {
    return message.json()
  } catch {
    return undefined
  }
}

/**
 * Makes a reader of stored events of one type.
 *
 * @returns a function that returns undefined for a message that a consumer would refuse
 */
export const storedEventReader = <E extends EventDefinition>(event: E) => {
  const isValid = compileCheck(event.data)
  return (message: StoredMsg): { data: EventData<E>; time: Date } | undefined => {
    const data = parse(message)
    const time = readEventTime(message.header.get('ce-time'))
    const isEvent = message.subject === event.type && message.header.get('ce-type') === event.type
    return isEvent && isValid(data) && !Number.isNaN(time.getTime()) ? { data: data as EventData<E>, time } : undefined
  }
}
