import { setTimeout as delay } from 'node:timers/promises'
import { rpcs } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import type { Processes } from '@rekey/test-support/processes'
import { connect } from 'nats'
import { Pool } from 'undici'
import type { HttpRequest, Question, Request } from './requests.ts'
import { errorOf, faultOf } from './verdict.ts'

/** As long as the gateway waits for the password-service, and a moment. */
const patienceMs = 10_000

export interface Outcome {
  status: number
  /** What it was refused for, where it was. */
  error: string | undefined
  /** What is wrong with the answer, if anything. */
  fault: string | undefined
}

const late = -1
const isLate = ({ code }: { code?: string }) => /^(UND_ERR_(HEADERS|BODY)_TIMEOUT|TIMEOUT)$/.test(code ?? '')

/** Sends requests over connections that stay open. */
export const createSender = async ({ url, nats }: Pick<Processes, 'url' | 'nats'>) => {
  const pool = new Pool(url, { connections: 64, pipelining: 1, headersTimeout: patienceMs, bodyTimeout: patienceMs })
  const broker = await connect({ servers: nats.url })
  const replies = new Map(rpcs.map(({ subject, reply }) => [subject as string, compileCheck(reply)]))

  const sendHttp = async ({ route, method, path, headers, body }: HttpRequest): Promise<Outcome> => {
    const answer = await pool.request({ method, path, headers, body: body ?? null } as never)
    const status = answer.statusCode
    const text = await answer.body.text()
    const fault = faultOf({ route, method, path }, { status, headers: answer.headers, body: text })
    return { status, error: errorOf({ status, body: text }), fault }
  }

  const ask = async ({ route, body }: Question): Promise<Outcome> => {
    const answer = await broker.request(route, body, { timeout: patienceMs })
    const refused = Number(answer.headers?.get('Nats-Service-Error-Code') ?? 0)
    const error = answer.headers?.get('Nats-Service-Error')
    if (refused > 0) return { status: refused, error, fault: refused < 500 ? undefined : `is a ${refused}` }
    return {
      status: 200,
      error: undefined,
      fault: replies.get(route)?.(answer.json()) ? undefined : 'is not as the contract says',
    }
  }

  const sendOnce = (request: Request): Promise<Outcome> =>
    (request.kind === 'http' ? sendHttp(request) : ask(request)).catch((error) => ({
      status: isLate(error) ? late : 0,
      error: undefined,
      fault: `did not come: ${error}`,
    }))

  return {
    /** A busy machine may be late, or say 503, to anyone: only what does so whenever it is asked again is a fault. */
    async send(request: Request): Promise<Outcome> {
      for (let tries = 1; ; tries += 1) {
        const outcome = await sendOnce(request)
        if ((outcome.status !== 503 && outcome.status !== late) || tries === 5) return outcome
        await delay(1_000)
      }
    },
    close: () => Promise.all([pool.close(), broker.close()]),
  }
}
