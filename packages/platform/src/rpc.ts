import { type ErrorCode, errorCodes, errors, type FieldError, RekeyError, unavailable } from '@rekey/contracts'
import type { Static, TSchema } from '@sinclair/typebox'
import { headers, type Msg, type NatsConnection, type Service, ServiceError, type ServiceMsg } from 'nats'
import type { Broker } from './broker.ts'
import { parseJson } from './json.ts'
import type { Logger } from './logger.ts'
import { buckets, histogram, type Metrics } from './metrics.ts'
import { isOverload, Overload } from './queue.ts'
import type { Random } from './random.ts'
import { pause } from './retry.ts'
import type { NewSpan } from './span.ts'
import { currentTrace, inSpan, runAsSpan } from './trace.ts'
import { compileCheck, compileFieldErrors, refuseFields } from './validation.ts'

/** An RPC: NATS request/reply. */
export interface RpcDefinition {
  /** `<service>.<endpoint>` */
  subject: string
  summary: string
  request: TSchema
  reply: TSchema
}

/** Reply subjects that are allowed: inboxes of this account, and of other accounts of the broker (`_R_`). */
const isInbox = (subject: string | undefined) => /^(_INBOX|_R_)\./.test(subject ?? '')

const timeoutMs = 1_800
const stopTimeoutMs = 3_000

type Answer = (request: never) => Promise<unknown>

/** An RPC with the function that serves it. */
export interface Rpc {
  rpc: RpcDefinition
  answer: Answer
}

/** Body of an error reply. */
interface ErrorReply {
  code: ErrorCode
  errors?: FieldError[]
  /** Set by an overloaded service. */
  retryAfterSeconds?: number
}

const checks = new WeakMap<RpcDefinition, (reply: unknown) => boolean>()

const isReply = (rpc: RpcDefinition) => {
  const check = checks.get(rpc) ?? compileCheck(rpc.reply)
  checks.set(rpc, check)
  return check
}

/** Keeps Retry-After of an overloaded service, and marks the error as overload. */
const toUnavailable = (error: ServiceError, answer: Msg): RekeyError => {
  const { retryAfterSeconds } = answer.json<ErrorReply>()
  if (retryAfterSeconds === undefined) return unavailable(error)
  return new RekeyError('unavailable', { retryAfterSeconds, cause: new Overload(error.message) })
}

const rpcSpan = ({ subject }: RpcDefinition, kind: 'client' | 'server'): NewSpan => ({
  name: subject,
  kind,
  attributes: { 'rpc.system.name': 'nats', 'rpc.method': subject },
})

/**
 * Calls an RPC and waits up to 1.8 s for the reply.
 *
 * @throws RekeyError unavailable if there is no reply in time, or an error reply
 */
export const callRpc = async <Q extends RpcDefinition>(
  broker: Broker,
  rpc: Q,
  request: Static<Q['request']>,
): Promise<Static<Q['reply']>> => inSpan(rpcSpan(rpc, 'client'), () => requestReply(broker, rpc, request))

const requestReply = async <Q extends RpcDefinition>(
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
    const error = ServiceError.toServiceError(answer)
    if (error) throw toUnavailable(error, answer)
    const reply = answer.json<Static<Q['reply']>>()
    if (!isReply(rpc)(reply)) throw new Error('the reply does not match the contract')
    return reply
  } catch (cause) {
    throw cause instanceof RekeyError ? cause : unavailable(cause)
  }
}

interface Deps {
  broker: Broker
  /** Rejects while this instance cannot serve RPCs: other instances get them until then. */
  ready(): Promise<unknown>
  random: Random
  metrics: Metrics
  log: Logger
}

/** Counters of one endpoint (`nats micro stats`), which the library's interface lacks. */
interface EndpointCounters {
  /** Counts a request and the milliseconds since its start. */
  countLatency(startedAtMs: number): void
  countError(error: Error): void
}
type ServiceInternals = Service & { handlers: { name: string; stats: EndpointCounters }[] }

export interface RpcServer {
  /** Accepts no more requests and answers those that it has received. */
  close(): Promise<void>
}

/** @throws RekeyError invalid_request */
const readRequest = (data: Uint8Array, errorsOf: ReturnType<typeof compileFieldErrors>): unknown => {
  const request = parseJson(Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  const fields = errorsOf(request)
  if (fields) throw refuseFields(fields, 'request')
  return request
}

const toRekeyError = (thrown: unknown) =>
  thrown instanceof RekeyError ? thrown : new RekeyError('internal', { cause: thrown })

/**
 * Replies with the status of the error table, a description in the header of the services framework, and the fields in
 * the body. Never repeats values, and gives no details of internal errors.
 */
const replyError = (message: ServiceMsg, error: RekeyError) => {
  const { code, message: detail, fields, retryAfterSeconds } = error
  const { status, title } = errors[code]
  const description = (status < 500 ? detail : title).replaceAll(/[^\x20-\x7E]/g, '?')
  const body: ErrorReply = {
    code,
    ...(status < 500 && fields && { errors: fields }),
    ...(isOverload(error) && retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
  message.respondError(status, description, Buffer.from(JSON.stringify(body)))
}

/**
 * Serves RPCs as a NATS service, which `nats micro ls` finds; instances share the load. A request that does not match the
 * contract is answered 400 with its errors.
 */
export const serveRpcs = (
  { broker, ready, random, metrics, log }: Deps,
  service: { name: string; version: string; description: string },
  answers: Rpc[],
): RpcServer => {
  const running = new Set<Promise<void>>()
  let closing = false
  let started: Service | undefined
  const checked = answers.map((entry) => ({ ...entry, errorsOf: compileFieldErrors(entry.rpc.request) }))
  const durations = histogram(metrics, {
    name: 'rekey_rpc_request_duration_seconds',
    help: 'Time from the receipt of an RPC to its reply, by its subject; outcome: ok, or the error code of the reply',
    labels: { method: answers.map(({ rpc }) => rpc.subject), outcome: ['ok', ...errorCodes] },
    buckets: buckets.request,
  })
  const reply = async (
    message: ServiceMsg,
    { rpc, answer, errorsOf }: (typeof checked)[number],
    counters: EndpointCounters,
  ) => {
    const startedAtMs = Date.now()
    const startedMs = performance.now()
    let outcome: 'ok' | ErrorCode = 'ok'
    try {
      const request = readRequest(message.data, errorsOf)
      const caller = message.headers?.get('traceparent')
      const answered = await runAsSpan(random, caller, rpcSpan(rpc, 'server'), () => answer(request as never))
      message.respond(JSON.stringify(answered))
    } catch (thrown) {
      const error = toRekeyError(thrown)
      outcome = error.code
      if (errors[error.code].status >= 500 && !isOverload(error))
        log.event('rpc_failed', { err: thrown, rpc: rpc.subject })
      replyError(message, error)
      counters.countError(new Error(errors[error.code].title))
    } finally {
      counters.countLatency(startedAtMs)
      durations.observe({ method: rpc.subject, outcome }, (performance.now() - startedMs) / 1_000)
    }
  }
  /**
   * The library counts a request as done, and without error, when the handler returns: before its work. Its counters
   * are therefore called here, at the end of the work, and not by the library.
   */
  const takeCounters = (service: Service, name: string): EndpointCounters => {
    const stats = (service as ServiceInternals).handlers.find((endpoint) => endpoint.name === name)?.stats
    if (!stats) throw new Error(`the endpoint ${name} has no counters`)
    const { countLatency, countError } = stats
    stats.countLatency = () => {}
    return { countLatency: countLatency.bind(stats), countError: countError.bind(stats) }
  }
  const served = new WeakSet<NatsConnection>()
  broker.onConnect(async (connection) => {
    // Subscriptions survive a reconnect of the same connection.
    if (served.has(connection)) return
    await ready()
    if (closing) return
    const added = await connection.services.add(service)
    started = added
    served.add(connection)
    for (const entry of checked) {
      const { subject, summary, request } = entry.rpc
      const name = subject.replaceAll('.', '-')
      added.addEndpoint(name, {
        subject,
        metadata: {
          description: summary,
          request: JSON.stringify(request),
          reply: JSON.stringify(entry.rpc.reply),
        },
        handler: (error, message) => {
          // A reply subject that is an event's subject would make this service publish a forged event.
          if (error || !isInbox(message.reply)) return
          const work = reply(message, entry, counters).finally(() => running.delete(work))
          running.add(work)
        },
      })
      const counters = takeCounters(added, name)
    }
  })

  return {
    async close() {
      closing = true
      // `stop` drains, so that received requests are still answered. It needs the broker, which may be unavailable.
      const timer = new AbortController()
      await Promise.race([started?.stop().catch(() => {}), pause(stopTimeoutMs, timer.signal)])
      timer.abort()
      await Promise.all(running)
    },
  }
}
