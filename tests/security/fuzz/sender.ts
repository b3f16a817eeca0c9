import { setTimeout as delay } from 'node:timers/promises'
import { rpcs } from '@rekey/contracts'
import { compileCheck } from '@rekey/platform/validation'
import type { Processes } from '@rekey/test-support/processes'
import { connect } from 'nats'
import { Pool } from 'undici'
import type { HttpRequest, Request, RpcRequest } from './requests.ts'
import { errorOf, violationOf } from './verdict.ts'

/** Longer than the gateway waits for the password-service. */
const timeoutMs = 10_000

export interface Outcome {
  status: number
  /** Error code of a refusal. */
  error: string | undefined
  /** How the answer violates the contract, if it does. */
  violation: string | undefined
}

const late = -1
const isLate = ({ code }: { code?: string }) => /^(UND_ERR_(HEADERS|BODY)_TIMEOUT|TIMEOUT)$/.test(code ?? '')

/** Sends requests over connections that stay open. */
export const createSender = async ({ url, nats }: Pick<Processes, 'url' | 'nats'>) => {
  const pool = new Pool(url, { connections: 64, pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  const broker = await connect({ servers: nats.url })
  const replies = new Map(rpcs.map(({ subject, reply }) => [subject as string, compileCheck(reply)]))

  const sendHttp = async ({ route, method, path, headers, body }: HttpRequest): Promise<Outcome> => {
    const answer = await pool.request({ method, path, headers, body: body ?? null } as never)
    const status = answer.statusCode
    const text = await answer.body.text()
    const violation = violationOf({ route, method, path }, { status, headers: answer.headers, body: text })
    return { status, error: errorOf({ status, body: text }), violation }
  }

  const sendRpc = async ({ route, body }: RpcRequest): Promise<Outcome> => {
    const answer = await broker.request(route, body, { timeout: timeoutMs })
    const refused = Number(answer.headers?.get('Nats-Service-Error-Code') ?? 0)
    const error = answer.headers?.get('Nats-Service-Error')
    if (refused > 0)
      return { status: refused, error, violation: refused < 500 ? undefined : `has the status ${refused}` }
    return {
      status: 200,
      error: undefined,
      violation: replies.get(route)?.(answer.json()) ? undefined : 'is not as the contract says',
    }
  }

  const sendOnce = (request: Request): Promise<Outcome> =>
    (request.kind === 'http' ? sendHttp(request) : sendRpc(request)).catch((error) => ({
      status: isLate(error) ? late : 0,
      error: undefined,
      violation: `did not come: ${error}`,
    }))

  return {
    /** Retries a time-out or 503, which a busy machine may cause: only five in a row are a violation. */
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
