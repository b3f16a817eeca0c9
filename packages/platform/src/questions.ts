import { setTimeout as delay } from 'node:timers/promises'
import { RekeyError, unavailable } from '@rekey/contracts'
import type { Static, TSchema } from '@sinclair/typebox'
import { headers, type NatsConnection, type Service, ServiceError, type ServiceMsg } from 'nats'
import type { Broker } from './broker.ts'
import type { Logger } from './logger.ts'
import type { Random } from './random.ts'
import { currentTrace, runInTrace } from './trace.ts'
import { compileCheck } from './validation.ts'

/** A question that travels as NATS request/reply. */
export interface QuestionDefinition {
  /** `<service>.<endpoint>` */
  subject: string
  summary: string
  request: TSchema
  reply: TSchema
}

const timeoutMs = 1_800
const stopTimeoutMs = 1_000

type Answer = (request: never) => Promise<unknown>
type Check = (data: unknown) => boolean

const checks = new WeakMap<QuestionDefinition, (reply: unknown) => boolean>()

const isReply = (question: QuestionDefinition) => {
  const check = checks.get(question) ?? compileCheck(question.reply)
  checks.set(question, check)
  return check
}

/**
 * Asks and waits up to 1.8 s.
 *
 * @throws RekeyError unavailable where nobody answers in time or the answering service is overloaded
 */
export const ask = async <Q extends QuestionDefinition>(
  broker: Broker,
  question: Q,
  request: Static<Q['request']>,
): Promise<Static<Q['reply']>> => {
  const meta = headers()
  const trace = currentTrace()
  if (trace) meta.set('traceparent', trace)
  const connection = broker.connection()
  try {
    const answer = await connection.request(question.subject, JSON.stringify(request), {
      timeout: timeoutMs,
      headers: meta,
    })
    const refusal = ServiceError.toServiceError(answer)
    if (refusal) throw refusal
    const reply = answer.json<Static<Q['reply']>>()
    if (!isReply(question)(reply)) throw new Error('the reply is not as the contract says')
    return reply
  } catch (cause) {
    throw unavailable(cause)
  }
}

interface Deps {
  broker: Broker
  random: Random
  log: Logger
}

export interface Answering {
  /** Takes no more questions and answers those in hand. */
  close(): Promise<void>
}

/** Answers questions as a NATS service, so that `nats micro ls` finds it; instances share the load. */
export const answerQuestions = (
  { broker, random, log }: Deps,
  service: { name: string; version: string; description: string },
  answers: { question: QuestionDefinition; answer: Answer }[],
): Answering => {
  const inHand = new Set<Promise<void>>()
  let closing = false
  let running: Service | undefined
  const checked = answers.map((entry) => ({ ...entry, valid: compileCheck(entry.question.request) }))
  const reply = async (message: ServiceMsg, question: QuestionDefinition, answer: Answer, valid: Check) => {
    let request: unknown
    try {
      request = message.json()
    } catch {
      request = undefined
    }
    if (!valid(request)) return void message.respondError(400, 'invalid_request')
    try {
      const answered = await runInTrace(random, message.headers?.get('traceparent'), () => answer(request as never))
      message.respond(JSON.stringify(answered))
    } catch (err) {
      log.error({ err, question: question.subject }, 'question not answered')
      message.respondError(err instanceof RekeyError && err.code === 'unavailable' ? 503 : 500, 'unavailable')
    }
  }
  const served = new WeakSet<NatsConnection>()
  broker.onConnect(async (connection) => {
    // Subscriptions outlive a reconnection of the same connection.
    if (served.has(connection) || closing) return
    const added = await connection.services.add(service)
    running = added
    served.add(connection)
    for (const { question, answer, valid } of checked) {
      added.addEndpoint(question.subject.replaceAll('.', '-'), {
        subject: question.subject,
        metadata: { description: question.summary },
        handler: (error, message) => {
          if (error) return
          const work = reply(message, question, answer, valid).finally(() => inHand.delete(work))
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
