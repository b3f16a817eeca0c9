import { parseArgs } from 'node:util'
import { createCustomer } from '@rekey/test-support/customers'
import { backOfficeToken, loginBody, restoreBody } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { fullHashes } from '@rekey/test-support/limits'
import { startProcesses } from '@rekey/test-support/processes'
import autocannon from 'autocannon'
import { readProcessorTime, untilIdle } from './processor-time.ts'
import { answerRestores, openRestores } from './restores.ts'

// node bench/cost.ts [NAME…] [--amount N] [--rounds N]: the processor time of each part, in microseconds a request,
// until nothing is left to do. Variables of OpenTelemetry (OTEL_…) are those of the services.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    amount: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '50' },
  },
})
const amount = Number(values.amount)
const traces = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) => (name.startsWith('OTEL_') && value ? [[name, value]] : [])),
)

const cleanups: (() => unknown)[] = []

try {
  const rekey = await startProcesses(
    { teardown: (clean) => cleanups.push(clean) },
    { env: { ...fullHashes, ...traces, REKEY_LIMITS_SCALE: '1000000' } },
  )
  const customer = await createCustomer(rekey.postgres.url)
  const post = (path: string, body: object) => ({
    url: `${rekey.gateway.url}${path}`,
    method: 'POST' as const,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const staff = { grant_type: 'client_credentials', client_id: 'backend_fin', client_secret: 'secretkey' }
  const staffToken = await backOfficeToken({ http: createHttp(rekey.gateway.url) })
  const restores = '/oauth/v2/passwordRestore'
  /** Restores of many usernames, one after another. */
  const restoresOf = (username: (count: number) => string): autocannon.Options => {
    let count = 0
    const setupRequest = (request: autocannon.Request) => {
      count += 1
      return { ...request, body: JSON.stringify(restoreBody(username(count))) }
    }
    return { ...post(restores, {}), requests: [{ setupRequest }] }
  }
  const many: string[] = []
  if (positionals.length === 0 || positionals.some((name) => name.endsWith('-many')))
    for (let index = 0; index < 500; index += 1) many.push((await createCustomer(rekey.postgres.url)).email)
  /** Right codes of restores (B6). */
  const answersOf = async (usernames: string[]): Promise<autocannon.Options> => {
    const bodies = await openRestores(rekey, usernames)
    const { headers, method, url } = post('/api/v2/my/2fa/challenge', {})
    return { url, requests: [{ method, headers, setupRequest: (request) => ({ ...request, body: bodies.pop() }) }] }
  }
  const each = (count: number, username: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => username(index))
  /** `prepare`: runs before each round, and its time does not count. */
  const requests: Record<
    string,
    {
      options: Partial<autocannon.Options>
      amount?: number
      connections?: number
      prepare?: (count: number) => Promise<autocannon.Options>
    }
  > = {
    unknown: { options: post(restores, restoreBody('nobody@example.com')) },
    known: { options: post(restores, restoreBody(customer.email)), amount: amount / 2 },
    'unknown-many': { options: restoresOf((count) => `nobody${count}@example.com`) },
    'known-many': { options: restoresOf((count) => many[count % many.length] ?? ''), amount: amount / 2 },
    history: {
      options: {
        url: `${rekey.gateway.url}/api/v2/clients/${customer.id}/password/changes`,
        headers: { authorization: `Bearer ${staffToken}` },
      },
    },
    credentials: { options: post('/oauth/v2/token', staff) },
    login: { options: post('/oauth/v2/login', loginBody(customer)), amount: amount / 20 },
    answer: { options: {}, prepare: (count) => answersOf(each(count, (index) => `nobody.${index}@example.com`)) },
    'answer-many': { options: {}, amount: many.length, prepare: () => answersOf(many) },
    'restore-many': {
      options: {},
      amount: many.length,
      connections: 3,
      async prepare() {
        const bodies = await openRestores(rekey, many)
        await untilIdle()
        const tokens = await answerRestores(rekey, bodies)
        const { headers, method, url } = post('/api/v2/my/password/restore', {})
        const setupRequest = (request: autocannon.Request) => ({
          ...request,
          headers: { ...headers, successToken: tokens.pop() },
          body: JSON.stringify({ password: `a new password ${tokens.length}` }),
        })
        return { url, requests: [{ method, headers, setupRequest }] }
      },
    },
    jwks: { options: { url: `${rekey.gateway.url}/.well-known/jwks.json` } },
  }
  const names = positionals.length > 0 ? positionals : Object.keys(requests)
  for (const name of names) {
    const request = requests[name]
    if (!request) throw new Error(`unknown request ${name}: ${Object.keys(requests).join(', ')}`)
    const count = Math.ceil(request.amount ?? amount)
    const connections = Math.min(request.connections ?? Number(values.connections), count)
    const optionsOf = async () => ({ url: rekey.gateway.url, ...((await request.prepare?.(count)) ?? request.options) })
    await autocannon({ ...(await optionsOf()), connections, amount: count })
    await untilIdle()
    for (let round = 0; round < Number(values.rounds); round += 1) {
      const options = await optionsOf()
      if (request.prepare) await untilIdle()
      const before = readProcessorTime()
      const {
        requests: answered,
        latency,
        non2xx,
        errors,
      } = await autocannon({ ...options, connections, amount: count })
      await untilIdle()
      const after = readProcessorTime()
      const parts = [...after].map(
        ([part, time]) => [part, Math.round((time - (before.get(part) ?? 0)) / count)] as const,
      )
      const all = parts.reduce((sum, [, time]) => sum + time, 0)
      const shown = parts.filter(([, time]) => time > 0).map(([part, time]) => `${part} ${time}`)
      console.log(
        `${name}: ${all} µs (${shown.join(', ')}); ${Math.round(answered.average)}/s, p50 ${latency.p50} ms, p99 ${latency.p99} ms, refused ${non2xx + errors}`,
      )
    }
  }
} finally {
  for (const clean of cleanups.reverse()) await clean()
}
