import { setTimeout as delay } from 'node:timers/promises'
import { type ErrorCode, errors, type FieldError, RekeyError, unavailable } from '@rekey/contracts'
import type { Static, TSchema } from '@sinclair/typebox'
import { headers, type Msg, type NatsConnection, type Service, ServiceError, type ServiceMsg } from 'nats'
import type { Broker } from './broker.ts'
import { parseJson } from './json.ts'
import type { Logger } from './logger.ts'
import { isOverload, Overload } from './queue.ts'
import type { Random } from './random.ts'
import { currentTrace, runInTrace } from './trace.ts'
import { compileCheck, compileFieldFaults, refuseFields } from './validation.ts'

/** A question that travels as NATS request/reply. */
export interface RpcDefinition {
  /** `<service>.<endpoint>` */
  subject: string
  summary: string
  request: TSchema
  reply: TSchema
}

/** Where an answer may go: the inboxes of those who ask here, and those of other accounts of the broker. */
const isInbox = (subject: string | undefined) => /^(_INBOX|_R_)\./.test(subject ?? '')

const timeoutMs = 1_800
const stopTimeoutMs = 3_000

type Answer = (request: never) => Promise<unknown>

/** An RPC with the function that serves it. */
export interface Rpc {
  rpc: RpcDefinition
  answer: Answer
}

/** The body of a refusal. */
interface Refusal {
  code: ErrorCode
  errors?: FieldError[]
  /** Of an overloaded service. */
  retryAfterSeconds?: number
}

const checks = new WeakMap<RpcDefinition, (reply: unknown) => boolean>()

const isReply = (rpc: RpcDefinition) => {
  const check = checks.get(rpc) ?? compileCheck(rpc.reply)
  checks.set(rpc, check)
  return check
}

/** From an overloaded service: when to ask again comes through, and that it is no fault. */
const toUnavailable = (refusal: ServiceError, answer: Msg): RekeyError => {
  const { retryAfterSeconds } = answer.json<Refusal>()
  if (retryAfterSeconds === undefined) return unavailable(refusal)
  return new RekeyError('unavailable', { retryAfterSeconds, cause: new Overload(refusal.message) })
}

/**
 * Asks and waits up to 1.8 s.
 *
 * @throws RekeyError unavailable where nobody answers in time or the answering service is overloaded
 */
export const callRpc = async <Q extends RpcDefinition>(
  broker: Broker,
  rpc: Q,
  request: Static<Q['request']>,
): Promise<Static<Q['reply']>> => {
  const meta = headers()
  const trace = currentTrace()
  if (trace) meta.set('traceparent', trace)
  const connection = broker.connection()
  try {
    const answer = await connection.request(rpc.subject, JSON.stringify(request), {
      timeout: timeoutMs,
      headers: meta,
    })
    const refusal = ServiceError.toServiceError(answer)
    if (refusal) throw toUnavailable(refusal, answer)
    const reply = answer.json<Static<Q['reply']>>()
    if (!isReply(rpc)(reply)) throw new Error('the reply is not as the contract says')
    return reply
  } catch (cause) {
    throw cause instanceof RekeyError ? cause : unavailable(cause)
  }
}

interface Deps {
  broker: Broker
  /** Rejects while no question could be answered: others are asked until then. */
  ready(): Promise<unknown>
  random: Random
  log: Logger
}

export interface RpcServer {
  /** Takes no more questions and answers those in hand. */
  close(): Promise<void>
}

/** @throws RekeyError invalid_request */
const readRequest = (data: Uint8Array, faultsOf: ReturnType<typeof compileFieldFaults>): unknown => {
  const request = parseJson(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  const faults = faultsOf(request)
  if (faults) throw refuseFields(faults, 'question')
  return request
}

const toRekeyError = (thrown: unknown) =>
  thrown instanceof RekeyError ? thrown : new RekeyError('internal', { cause: thrown })

/**
 * The status of the table of errors, the description that the services framework puts into a header, and the fields in
 * the body. Names are told, never values; nothing of what failed on our side.
 */
const refuse = (message: ServiceMsg, error: RekeyError) => {
  const { code, message: detail, fields, retryAfterSeconds } = error
  const { status, title } = errors[code]
  const description = (status < 500 ? detail : title).replaceAll(/[^\x20-\x7E]/g, '?')
  const body: Refusal = {
    code,
    ...(status < 500 && fields && { errors: fields }),
    ...(isOverload(error) && retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
  message.respondError(status, description, Buffer.from(JSON.stringify(body)))
}

/**
 * Answers questions as a NATS service, so that `nats micro ls` finds it; instances share the load. A question that is
 * not as the contract says is answered 400, with what is wrong.
 */
export const serveRpcs = (
  { broker, ready, random, log }: Deps,
  service: { name: string; version: string; description: string },
  answers: Rpc[],
): RpcServer => {
  const inHand = new Set<Promise<void>>()
  let closing = false
  let running: Service | undefined
  const checked = answers.map((entry) => ({ ...entry, faultsOf: compileFieldFaults(entry.rpc.request) }))
  const reply = async (message: ServiceMsg, { rpc, answer, faultsOf }: (typeof checked)[number]) => {
    try {
      const request = readRequest(message.data, faultsOf)
      const answered = await runInTrace(random, message.headers?.get('traceparent'), () => answer(request as never))
      message.respond(JSON.stringify(answered))
    } catch (thrown) {
      const error = toRekeyError(thrown)
      if (errors[error.code].status >= 500 && !isOverload(error))
        log.error({ err: thrown, rpc: rpc.subject }, 'not answered')
      refuse(message, error)
    }
  }
  const served = new WeakSet<NatsConnection>()
  broker.onConnect(async (connection) => {
    // Subscriptions outlive a reconnection of the same connection.
    if (served.has(connection)) return
    await ready()
    if (closing) return
    const added = await connection.services.add(service)
    running = added
    served.add(connection)
    for (const entry of checked) {
      const { subject, summary, request } = entry.rpc
      added.addEndpoint(subject.replaceAll('.', '-'), {
        subject,
        metadata: {
          description: summary,
          request: JSON.stringify(request),
          reply: JSON.stringify(entry.rpc.reply),
        },
        handler: (error, message) => {
          // Whoever names an event's subject for the answer would have us publish what they may not.
          if (error || !isInbox(message.reply)) return
          const work = reply(message, entry).finally(() => inHand.delete(work))
          inHand.add(work)
        },
      })
    }
  })

  return {
    async close() {
      closing = true
      // Stopping drains: what the broker has handed over is still answered. It needs the broker, which may be away.
      const late = new AbortController()
      const patience = delay(stopTimeoutMs, undefined, { signal: late.signal }).catch(() => {})
      await Promise.race([running?.stop().catch(() => {}), patience])
      late.abort()
      await Promise.all(inHand)
    },
  }
}
