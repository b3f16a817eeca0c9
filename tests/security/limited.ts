import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { LimitExceeded } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import type { Answer } from '@rekey/test-support/http'
import { startProcesses } from '@rekey/test-support/processes'
import type { Test } from 'tap'
import { registered } from './clients.ts'
import { createOddHttp } from './odd-http.ts'
import { createRequests } from './requests.ts'
import { startWiretap } from './wiretap.ts'

/** Few, so that few requests use them up; of codes for one account the standard, ten an hour. */
export const allowed = {
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

/** The client that says where its users come from. */
export const bank = { client_id: 'bank', client_secret: randomUUID() }
const clients = [
  registered('ib_localhost'),
  registered('another'),
  registered(bank.client_id, {
    type: 'confidential',
    secret_sha256: createHash('sha256').update(bank.client_secret).digest('hex'),
  }),
]
const proxy = '127.0.0.2'

export const isRefused = ({ status }: Answer) => status === 429
/** Also a 503: what it spent is given back after those that were sent with it were decided. */
export const granted = (answers: Answer[]) => answers.filter((answer) => !isRefused(answer)).length

/** So many at a time. @returns in the order in which they began */
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

/** The product with little {@link allowed}, behind a proxy through which many may come. */
export const startLimited = async (t: Test) => {
  const rekey = await startProcesses(t, {
    metrics: true,
    gatewayEnv: {
      ...Object.fromEntries(Object.entries(allowed).map(([name, count]) => [name, `${count}/10m`])),
      REKEY_LIMIT_CODE_ACCOUNT: '10/1h',
      REKEY_RESEND_SECONDS: '1',
      REKEY_TRUSTED_PROXIES: proxy,
      REKEY_CLIENTS_FILE: join(t.testdir({ 'clients.json': JSON.stringify(clients) }), 'clients.json'),
    },
    env: { REKEY_LIMIT_CODE_ACCOUNT: '10/1h' },
  })
  const { url } = rekey
  const wiretap = await startWiretap(t, rekey)

  /** Whoever comes from an address of this machine, and sends headers of an own. */
  const direct = (from: string, headers: Record<string, string> = {}) =>
    createRequests({ url, http: createOddHttp(url, { from, headers }) })
  /** Whoever comes through the proxy that is trusted, which says where from. */
  const visitor = (forwardedFor: string, headers: Record<string, string> = {}) =>
    direct(proxy, { 'x-forwarded-for': forwardedFor, ...headers })

  let addresses = 0
  /** An address that nobody came from yet (RFC 2544's networks for tests). */
  const newAddress = () => {
    addresses += 1
    return `198.${18 + (addresses >> 16)}.${(addresses >> 8) & 255}.${addresses & 255}`
  }

  return {
    rekey,
    wiretap,
    newCustomer: () => createCustomer(rekey.postgres.url),
    direct,
    visitor,
    newAddress,
    /** How often a limit was exceeded, as the gateway counts it. */
    async countOf(action: string, by: string) {
      const line = `rekey_limits_exceeded_total{action="${action}",by="${by}"} `
      const lines = (await rekey.metricsOf('auth-gateway')).split('\n')
      return Number(lines.find((one) => one.startsWith(line))?.slice(line.length) ?? 0)
    },
    /** What a limit that was met, by this address or any, leaves: an event at least, and its lines in the log. */
    async traces(action: string, by: string, ip?: string) {
      const is = (one: { action?: unknown; by?: unknown }, address: unknown) =>
        one.action === action && one.by === by && (ip === undefined || address === ip)
      const events = await eventually(() => {
        const found = wiretap.events(LimitExceeded).filter((event) => is(event, event.ip))
        return found.length > 0 ? found : undefined
      })
      const lines = (await rekey.logOf('auth-gateway')).filter((line) => line.event === 'excess_rate_limit_exceeded')
      const told = lines.filter((line) => is(line, line.address))
      return { event: events[0], told, isToldOnce: events.length === 1 && told.length === 1 }
    },
  }
}

export type Visitor = ReturnType<typeof createRequests>
