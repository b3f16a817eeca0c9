import { ErrorCode, type Msg, type MsgHdrs, type NatsConnection, NatsError, nuid } from 'nats'
import type { MuxSubscription, NatsConnectionImpl, Request } from 'nats/lib/nats-base-client/internal_mod.js'

/** The answer of JetStream to a message that it stored. */
export interface StoredMessage {
  stream: string
  seq: number
  duplicate?: boolean
}

interface PublishAnswer extends StoredMessage {
  error?: { code: number; err_code: number; description: string }
}

interface Message {
  subject: string
  data: string
  headers: MsgHdrs
}

const readAnswer = (answer: Msg): StoredMessage => {
  const { error, ...stored } = answer.json<PublishAnswer>()
  // Any subscriber of the subject can answer, and stores nothing.
  if (!error && !stored.stream) throw new NatsError('invalid acknowledgement', ErrorCode.JetStreamInvalidAck)
  if (!error) return stored
  const refusal = new NatsError(error.description, String(error.code))
  refusal.api_error = error
  throw refusal
}

/** A message that waits for its answer among the library's own requests. */
class PendingPublish implements Request {
  readonly token = nuid.next()
  received = 0
  readonly requestSubject: string
  readonly answered: Promise<Msg>
  readonly #others: MuxSubscription
  readonly #timer: NodeJS.Timeout
  readonly #settle: { resolve: (answer: Msg) => void; reject: (error: Error) => void }

  constructor(others: MuxSubscription, subject: string, timeoutMs: number) {
    const { promise, ...settle } = Promise.withResolvers<Msg>()
    this.requestSubject = subject
    this.answered = promise
    this.#others = others
    this.#settle = settle
    this.#timer = setTimeout(() => this.cancel(new NatsError(ErrorCode.Timeout, ErrorCode.Timeout)), timeoutMs)
  }

  resolver(error: Error | null, answer: Msg): void {
    this.#end()
    if (error) this.#settle.reject(error)
    else this.#settle.resolve(answer)
  }

  cancel(error = new NatsError(ErrorCode.Cancelled, ErrorCode.Cancelled)): void {
    this.#end()
    this.#settle.reject(error)
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#others.cancel(this)
  }
}

/**
 * Publishes a message and waits until JetStream has stored it. `publish` of the library's JetStream client (nats 2.29.3)
 * does the same, but creates a client, two errors and three promises for each message: half of its processor time.
 *
 * Rejects with NatsError: `api_error` if JetStream refused the message, PermissionsViolation, Timeout, NoResponders, or
 * that the connection is closed.
 */
export const publishAcknowledged = async (
  connection: NatsConnection,
  { subject, data, headers }: Message,
  timeoutMs: number,
): Promise<StoredMessage> => {
  const { protocol } = connection as NatsConnectionImpl
  const pending = new PendingPublish(protocol.muxSubscriptions, subject, timeoutMs)
  // Subscribes to the answers first, which sets `baseInbox`.
  protocol.request(pending)
  try {
    connection.publish(subject, data, { reply: `${protocol.muxSubscriptions.baseInbox}${pending.token}`, headers })
  } catch (error) {
    pending.cancel(error as NatsError)
  }
  return readAnswer(await pending.answered)
}
