import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { LimitExceeded } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import type { Test } from 'tap'
import { createAttackerHttp } from './attacker-http.ts'
import { registeredClient } from './clients.ts'
import { startMessageLog } from './message-log.ts'
import { createRequests } from './requests.ts'

/** Quotas in 10 minutes, small enough that a test can use them up. */
export const quotas = {
  REKEY_LIMIT_CODE_ADDRESS: 20,
  REKEY_LIMIT_CODE_ALL: 1_000,
  REKEY_LIMIT_ANSWER_ADDRESS: 20,
  REKEY_LIMIT_ANSWER_CLIENT: 100,
  REKEY_LIMIT_LOGIN_ADDRESS: 10,
  REKEY_LIMIT_LOGIN_ACCOUNT: 5,
  REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS: 3,
  REKEY_LIMIT_LOGIN_ALL: 100,
  REKEY_LIMIT_TOKEN_ADDRESS: 70,
  REKEY_LIMIT_PASSWORD_ADDRESS: 20,
}

/** The confidential client, whose client-asserted IP counts. */
export const bank = { client_id: 'bank', client_secret: randomUUID() }
const clients = [
  registeredClient('ib_localhost'),
  registeredClient('another'),
  registeredClient(bank.client_id, {
    type: 'confidential',
    secret_sha256: createHash('sha256').update(bank.client_secret).digest('hex'),
  }),
]
const proxy = '127.0.0.2'

export const isRefused = ({ status }: Answer) => status === 429
/** Counts a 503 too: its refund comes after the requests that were sent with it were decided. */
export const countAllowed = (answers: Answer[]) => answers.filter((answer) => !isRefused(answer)).length

/** Runs the work `total` times, `places` at a time. @returns the results in the order of their start */
export const pool = async <T>(total: number, places: number, work: () => Promise<T>) => {
  const results: T[] = []
  let begun = 0
  const place = async () => {
    while (begun < total) {
      const index = begun
      begun += 1
      results[index] = await work()
    }
  }
  await Promise.all(Array.from({ length: places }, place))
  return results
}

/** The product with small {@link quotas} behind a trusted proxy, so that a request can come from any IP. */
export const startWithSmallQuotas = async (t: Test) => {
  const rekey = await startRekey(t, {
    gatewayEnv: {
      ...Object.fromEntries(Object.entries(quotas).map(([name, count]) => [name, `${count}/10m`])),
      REKEY_LIMIT_CODE_ACCOUNT: '10/1h',
      REKEY_RESEND_SECONDS: '1',
      REKEY_TRUSTED_PROXIES: proxy,
      REKEY_CLIENTS_FILE: join(t.testdir({ 'clients.json': JSON.stringify(clients) }), 'clients.json'),
    },
    env: { REKEY_LIMIT_CODE_ACCOUNT: '10/1h' },
  })
  const { url } = rekey
  const messageLog = await startMessageLog(t, rekey)

  /** Requests from an IP of this machine, with headers. */
  const direct = (from: string, headers: Record<string, string> = {}) =>
    createRequests({ http: createAttackerHttp(url, { from, headers }) })
  /** Requests through the trusted proxy, which sends this X-Forwarded-For. */
  const visitor = (forwardedFor: string, headers: Record<string, string> = {}) =>
    direct(proxy, { 'x-forwarded-for': forwardedFor, ...headers })

  let addresses = 0
  /** An IP that no request came from yet (RFC 2544's networks for tests). */
  const newAddress = () => {
    addresses += 1
    return `198.${18 + (addresses >> 16)}.${(addresses >> 8) & 255}.${addresses & 255}`
  }

  return {
    rekey,
    messageLog,
    newCustomer: () => createCustomer(rekey.postgres.url),
    direct,
    visitor,
    newAddress,
    /** The gateway's counter of requests over a limit. */
    async countOf(action: string, by: string) {
      const line = `rekey_limits_exceeded_total{action="${action}",by="${by}"} `
      const lines = (await rekey.metricsOf('auth-gateway')).split('\n')
      return Number(lines.find((one) => one.startsWith(line))?.slice(line.length) ?? 0)
    },
    /** The event and the log lines of an exceeded limit, for one IP or any. */
    async findExceeded(action: string, by: string, ip?: string) {
      const isOf = (one: { action?: unknown; by?: unknown }, address: unknown) =>
        one.action === action && one.by === by && (ip === undefined || address === ip)
      const events = await eventually(() => {
        const found = messageLog.events(LimitExceeded).filter((event) => isOf(event, event.ip))
        return found.length > 0 ? found : undefined
      })
      const lines = (await rekey.logOf('auth-gateway')).filter((line) => line.event === 'excess_rate_limit_exceeded')
      const logged = lines.filter((line) => isOf(line, line.address))
      return { event: events[0], logged, isReportedOnce: events.length === 1 && logged.length === 1 }
    },
  }
}

export type Visitor = ReturnType<typeof createRequests>
