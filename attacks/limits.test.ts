import { createHash, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { LimitExceeded } from '@rekey/contracts'
import { createCustomer, type TestCustomer } from '@rekey/testing/customers'
import { eventually } from '@rekey/testing/eventually'
import { codesOf, race } from '@rekey/testing/flows'
import type { Answer } from '@rekey/testing/http'
import { startProcesses } from '@rekey/testing/processes'
import t from 'tap'
import { createOddHttp } from './odd-http.ts'
import { compactToken, createRequests } from './requests.ts'
import { startWiretap } from './wiretap.ts'

const client = (client_id: string, other: object = {}) => ({
  client_id,
  type: 'public',
  redirect_uris: ['http://localhost'],
  origins: [],
  scopes: ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE'],
  ...other,
})
const secret = randomUUID()
const secret_sha256 = createHash('sha256').update(secret).digest('hex')
const clients = [client('ib_localhost'), client('another'), client('bank', { type: 'confidential', secret_sha256 })]

/** Few, so that few requests use them up; of codes for one account the standard, ten an hour. */
const allowed = {
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
const proxy = '127.0.0.2'
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
const newCustomer = () => createCustomer(rekey.postgres.url)
const nobody = () => `t${randomUUID().replaceAll('-', '')}@example.com`

/** Whoever comes through the proxy that is trusted, which says where from. */
const visitor = (forwardedFor: string) =>
  createRequests({ url, http: createOddHttp(url, { from: proxy, headers: { 'x-forwarded-for': forwardedFor } }) })
type Visitor = ReturnType<typeof visitor>
/** Whoever comes from an address of this machine, and sends headers of an own. */
const direct = (from: string, headers: Record<string, string> = {}) =>
  createRequests({ url, http: createOddHttp(url, { from, headers }) })

let addresses = 0
/** An address that nobody came from yet (RFC 2544's networks for tests). */
const newAddress = () => {
  addresses += 1
  return `198.${18 + (addresses >> 16)}.${(addresses >> 8) & 255}.${addresses & 255}`
}

const isRefused = ({ status }: Answer) => status === 429
const granted = (answers: Answer[]) => answers.filter((answer) => !isRefused(answer)).length
const countOf = async (action: string, by: string) => {
  const line = `rekey_limits_exceeded_total{action="${action}",by="${by}"} `
  const metrics = await rekey.metricsOf('auth-gateway')
  return Number(
    metrics
      .split('\n')
      .find((one) => one.startsWith(line))
      ?.slice(line.length) ?? 0,
  )
}

/** What a limit that was met leaves: an event, a line in the log, and as many in the metric as it refused. */
const traces = async (action: string, by: string, ip: string) => {
  const is = { action, by }
  const [event, ...more] = await eventually(() => {
    const found = wiretap.events(LimitExceeded).filter((one) => one.action === action && one.by === by && one.ip === ip)
    return found.length > 0 ? found : undefined
  })
  const lines = (await rekey.logOf('auth-gateway')).filter((line) => line.event === 'excess_rate_limit_exceeded')
  const told = lines.filter((line) => line.action === is.action && line.by === is.by && line.address === ip)
  return { event, told, isToldOnce: more.length === 0 && told.length === 1 }
}

/** So many at a time. @returns in the order in which they began */
const pool = async <T>(total: number, places: number, work: () => Promise<T>) => {
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

interface Limited {
  action: string
  allowance: number
  form: 'oauth' | 'problem' | 'page'
  send(visitor: Visitor): Promise<Answer>
}

const opened = (await direct('127.0.0.3').a1(nobody())).body.mfa_token

/** What one address may do so often. */
const byAddress: Record<string, Limited> = {
  'a restore (A1)': { action: 'code', allowance: 20, form: 'oauth', send: ({ a1 }) => a1(nobody()) },
  'a restore (B5b)': { action: 'code', allowance: 20, form: 'problem', send: ({ b5b }) => b5b({ email: nobody() }) },
  'a restore on the pages': {
    action: 'code',
    allowance: 20,
    form: 'page',
    send: ({ page }) => page('begin', { username: nobody() }),
  },
  'an answer to a code (A2)': { action: 'answer', allowance: 20, form: 'oauth', send: ({ a2 }) => a2(opened, '1') },
  'an answer to a code (B6)': { action: 'answer', allowance: 20, form: 'problem', send: ({ b6 }) => b6(opened, '1') },
  'a sign-in (A4)': { action: 'login', allowance: 10, form: 'oauth', send: ({ a4 }) => a4(nobody(), 'a guess') },
  'a token (A5)': {
    action: 'token',
    allowance: 70,
    form: 'oauth',
    send: ({ http }) =>
      http.post('/oauth/v2/token', { grant_type: 'client_credentials', client_id: 'bank', client_secret: 'a guess' }),
  },
  'a new password (B2)': {
    action: 'password',
    allowance: 20,
    form: 'problem',
    send: ({ http }) => http.post('/api/v2/my/password/restore', { password: 'a new password' }, { successToken: 'x' }),
  },
}
const forms = {
  oauth: { error: 'temporarily_unavailable', error_description: 'Too many requests. Try again later.' },
  problem: { type: 'urn:rekey:problem:too_many_requests', status: 429, code: 'too_many_requests' },
  page: {},
}

for (const [what, { action, allowance, form, send }] of Object.entries(byAddress)) {
  t.test(
    `S30 S35 ${what} is for one address to ask ${allowance} times, and what exceeds it is refused and told`,
    async (t) => {
      const address = newAddress()
      const before = await countOf(action, 'address')
      const answers = await pool(allowance + 5, action === 'login' ? 1 : 50, () => send(visitor(address)))
      t.equal(granted(answers), allowance)
      for (const { headers, body, text } of answers.filter(isRefused)) {
        const seconds = Number(headers.get('retry-after'))
        t.ok(seconds > 500 && seconds <= 650, 'when to come again')
        t.match(Object.fromEntries(headers), {
          'ratelimit-limit': String(allowance),
          'ratelimit-remaining': '0',
          'cache-control': 'no-store',
        })
        t.equal(headers.get('ratelimit-reset'), String(seconds))
        t.match(body, forms[form])
        if (form === 'page') t.match(text, 'That was asked for too often. Try again in')
      }
      t.notOk(isRefused(await send(visitor(newAddress()))), 'another address goes on')

      const { event, told, isToldOnce } = await traces(action, 'address', address)
      t.ok(isToldOnce)
      t.match(event, { action, by: 'address', ip: address, allowance })
      t.match(told[0], { severity: 'warn', address, allowance, retryAfterSeconds: Number, traceId: /^[\da-f]{32}$/ })
      t.equal((await countOf(action, 'address')) - before, 5)
    },
  )
}

t.test('S30 whoever forges the header of a proxy is counted by the address that is seen', async (t) => {
  const from = '127.0.0.4'
  const answers = await race(25, (index) => {
    const claimed = `203.0.113.${index}`
    const forged = {
      'x-forwarded-for': claimed,
      'x-real-ip': claimed,
      'x-client-ip': claimed,
      'true-client-ip': claimed,
      'cf-connecting-ip': claimed,
      forwarded: `for=${claimed}`,
    }
    return direct(from, forged).a1(nobody(), { ip: claimed })
  })
  t.equal(granted(answers), allowed.REKEY_LIMIT_CODE_ADDRESS)
  const { isToldOnce } = await traces('code', 'address', from)
  t.ok(isToldOnce)

  const real = newAddress()
  const chained = await race(25, (index) => visitor(`203.0.113.${index}, ${real}`).a1(nobody()))
  t.equal(granted(chained), allowed.REKEY_LIMIT_CODE_ADDRESS, 'what stands before the address that the proxy saw')
  const seen = new Set((await rekey.logOf('auth-gateway')).map(({ address }) => address))
  t.ok(seen.has(from) && seen.has(real))
  t.notOk([...seen].some((address) => String(address).startsWith('203.0.113.')))
})

t.test(
  'S30 behind the trusted proxy each address has its own, a network of IPv6 one, and IPv4 one however written',
  async (t) => {
    const asked = (address: (index: number) => string) => race(25, (index) => visitor(address(index)).a1(nobody()))
    t.equal(granted(await asked(newAddress)), 25)
    t.equal(granted(await asked((index) => `2001:db8:1:2:${index}::${index + 1}`)), allowed.REKEY_LIMIT_CODE_ADDRESS)
    t.equal(granted([await visitor('2001:db8:1:3::1').a1(nobody())]), 1, 'the network beside it')
    const site = await race(100, (index) => visitor(`2001:db8:2:${index}::1`).a1(nobody()))
    t.equal(granted(site), 4 * allowed.REKEY_LIMIT_CODE_ADDRESS, 'a hundred networks of one site')
    const address = newAddress()
    const written = await asked((index) => (index % 2 === 0 ? address : `::ffff:${address}`))
    t.equal(granted(written), allowed.REKEY_LIMIT_CODE_ADDRESS)
  },
)

t.test('what one limit refuses is spent of no other', async (t) => {
  const [address, victim] = [newAddress(), await newCustomer()]
  await race(20, () => visitor(address).a1(nobody()))
  t.equal(granted(await race(30, () => visitor(address).a1(victim.email))), 0)
  t.equal(granted(await race(10, () => visitor(newAddress()).a1(victim.email))), 10)
  await wiretap.allDealtWith()
  t.equal((await rekey.inbox.messagesTo(victim.email)).length, 10)
})

t.test(
  'S7 S11 who asks for another’s codes again and again, by all ways, sends ten messages, and cannot see it',
  async (t) => {
    const bomb = async ({ email, phone }: { email: string; phone: string }) => {
      const first = await race(4, () => visitor(newAddress()).a1(email))
      const others = await race(32, (index) => {
        const { a1, b5b, page } = visitor(newAddress())
        const ways = [
          () => a1(email),
          () => b5b({ email }),
          () => page('begin', { username: email }),
          () => b5b({ phone }),
        ]
        return (ways[index % 4] ?? ways[0] ?? never)()
      })
      const token = others[2]?.text.match(compactToken)?.[0] ?? ''
      await delay(1_000)
      const again = await Promise.all([
        ...first.map(({ body }) => visitor(newAddress()).resend(body.mfa_token, email)),
        visitor(newAddress()).page('resend', { token, username: email, verification: '0000' }),
      ])
      return [...first, ...others, ...again].map(({ status }) => status)
    }
    const customer = await newCustomer()
    const statuses = await bomb(customer)
    t.same(statuses, Array(41).fill(200))
    t.same(await bomb({ email: nobody(), phone: `+4478${String(Date.now()).slice(-8)}` }), statuses)
    await wiretap.allDealtWith()
    const sent = [...(await rekey.inbox.messagesTo(customer.email)), ...(await rekey.inbox.messagesTo(customer.phone))]
    t.equal(sent.length, 10)
  },
)
const never = (): never => {
  throw new Error('no way')
}

t.test('a client’s limit stops that client, wherever it comes from, and no other', async (t) => {
  const open = async (client_id: string) => (await visitor(newAddress()).a1(nobody(), { client_id })).body.mfa_token
  const [another, ours] = [await open('another'), await open('ib_localhost')]
  const answers = await race(105, () => visitor(newAddress()).a2(another, '1'))
  t.equal(granted(answers), allowed.REKEY_LIMIT_ANSWER_CLIENT)
  const address = newAddress()
  const refused = await visitor(address).a2(another, '1')
  t.match(Object.fromEntries(refused.headers), { 'ratelimit-limit': '100', 'ratelimit-remaining': '0' })
  t.notOk(isRefused(await visitor(address).a2(ours, '1')))
  const events = wiretap.events(LimitExceeded).filter(({ by }) => by === 'client')
  t.match(events, [{ action: 'answer', clientId: 'another', allowance: 100 }])
  t.equal(events.length, 1)
})

t.test(
  'S30 a confidential client that proves itself says where its users come from, and nobody else does',
  async (t) => {
    const basic = (given: string) => ({ authorization: `Basic ${Buffer.from(`bank:${given}`).toString('base64')}` })
    const asked = (headers: Record<string, string>, ip: (index: number) => string, client_id = 'bank') => {
      const address = newAddress()
      return race(25, (index) => {
        const http = createOddHttp(url, { from: proxy, headers: { 'x-forwarded-for': address, ...headers } })
        return createRequests({ url, http }).a1(nobody(), { client_id, ip: ip(index) })
      })
    }
    const claimed = newAddress()
    t.equal(granted(await asked(basic(secret), newAddress)), 25, 'each of its users')
    t.equal(granted(await asked(basic(secret), () => claimed)), allowed.REKEY_LIMIT_CODE_ADDRESS, 'one of its users')
    t.equal(granted(await asked({}, newAddress)), allowed.REKEY_LIMIT_CODE_ADDRESS, 'in its name, without its secret')
    t.equal(granted(await asked({}, newAddress, 'ib_localhost')), allowed.REKEY_LIMIT_CODE_ADDRESS, 'a public client')

    const address = newAddress()
    const guesses = await race(75, (index) => {
      const headers = { 'x-forwarded-for': address, ...basic(`a guess ${index}`) }
      return createRequests({ url, http: createOddHttp(url, { from: proxy, headers }) }).a1(nobody(), {
        client_id: 'bank',
      })
    })
    t.equal(granted(guesses), allowed.REKEY_LIMIT_TOKEN_ADDRESS)
    for (const guess of guesses.filter((answer) => !isRefused(answer))) {
      t.match(guess, { status: 401, body: { error: 'invalid_client' } })
      t.match(guess.headers.get('www-authenticate'), 'Basic')
    }
  },
)

t.test('wrong passwords of one account are counted wherever they come from, and right ones are not', async (t) => {
  const person = await newCustomer()
  for (let count = 0; count < 8; count += 1) {
    t.equal((await visitor(newAddress()).a4(person.email, person.password)).status, 200)
  }
  const guesses = []
  for (let count = 0; count < 7; count += 1) guesses.push(await visitor(newAddress()).a4(person.email, 'a guess'))
  t.same(
    guesses.map(({ status }) => status),
    [...Array(allowed.REKEY_LIMIT_LOGIN_ACCOUNT).fill(400), 429, 429],
  )
  const [, , , , , sixth] = guesses
  t.equal(sixth?.headers.get('ratelimit-limit'), '5')
  const [event] = wiretap.events(LimitExceeded).filter(({ action, by }) => action === 'login' && by === 'account')
  t.match(event, { clientId: 'ib_localhost', account: /^[\w-]{43}$/ })
  const [line] = (await rekey.logOf('auth-gateway')).filter(({ action, by }) => action === 'login' && by === 'account')
  t.match(line, { event: 'excess_rate_limit_exceeded', severity: 'warn', account: /^[\da-f]{16}$/ })
})

t.test('wrong passwords from one address do not keep the person at another from signing in', async (t) => {
  const person = await newCustomer()
  const guesser = visitor(newAddress())
  const guesses = []
  for (let count = 0; count < 6; count += 1) guesses.push(await guesser.a4(person.email, 'a guess'))
  t.same(
    guesses.map(({ status }) => status),
    [...Array(allowed.REKEY_LIMIT_LOGIN_ACCOUNT_ADDRESS).fill(400), 429, 429, 429],
  )
  t.equal((await guesser.a4(person.email, person.password)).status, 429)
  t.equal((await visitor(newAddress()).a4(person.email, person.password)).status, 200)
})

interface Spray {
  action: string
  total: number
  places: number
  allowance: number
  send(visitor: Visitor, email: string): Promise<Answer>
  /** Begins something for a customer. @returns how it ends later: with a 200 */
  begin(customer: TestCustomer): Promise<() => Promise<Answer>>
}

const codeAfter = async ({ email }: TestCustomer, messages: number) =>
  codesOf(await rekey.inbox.waitForMessage(email, { after: messages })).confirmation

const sprays: Spray[] = [
  {
    action: 'login',
    total: 1_000,
    // More passwords than two cores can hash are refused, whosever they are.
    places: 1,
    allowance: allowed.REKEY_LIMIT_LOGIN_ALL,
    send: ({ a4 }, email) => a4(email, 'Spring2026!'),
    async begin(customer) {
      const { a4, a4b, http } = visitor(newAddress())
      const { mfa_token, challenge_type } = (await a4(customer.email, customer.password)).body
      return async () => {
        await a4b(mfa_token, String((challenge_type as string[])[0]))
        const code = await codeAfter(customer, 0)
        return http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token, code })
      }
    },
  },
  {
    action: 'code',
    total: 10_000,
    places: 50,
    allowance: allowed.REKEY_LIMIT_CODE_ALL,
    send: ({ a1 }, email) => a1(email),
    async begin(customer) {
      const { a1, a2, resend } = visitor(newAddress())
      const { mfa_token } = (await a1(customer.email)).body
      return async () => {
        await resend(mfa_token, customer.email)
        return a2(mfa_token, await codeAfter(customer, 1))
      }
    },
  },
]

for (const { action, total, places, allowance, send, begin } of sprays) {
  t.test(`S35 spraying ${total} accounts from an address each is noticed, told and refused: ${action}`, async (t) => {
    const [old, fresh] = [await newCustomer(), await newCustomer()]
    const end = await begin(old)
    const start = performance.now()
    const answers = await pool(total, places, () => send(visitor(newAddress()), nobody()))
    const ms = Math.round(performance.now() - start)
    const count = granted(answers)
    t.comment(`${total} accounts in ${ms} ms, of which ${count} were let through`)
    t.ok(count > 0 && count < allowance)
    t.ok(answers.slice(allowance + places).every(isRefused), 'once noticed, all')
    t.equal(granted([await send(visitor(newAddress()), fresh.email)]), 0, 'no other account begins anything')
    t.equal((await end()).status, 200, 'what was begun goes on')

    const events = wiretap.events(LimitExceeded).filter((event) => event.action === action && event.by === 'all')
    t.equal(events.length, 1)
    t.match(events[0], { allowance, clientId: 'ib_localhost' })
    const lines = (await rekey.logOf('auth-gateway')).filter((line) => line.action === action && line.by === 'all')
    t.equal(lines.length, 1)
    t.match(lines[0], { event: 'excess_rate_limit_exceeded', severity: 'warn', allowance, clientId: 'ib_localhost' })
    t.equal(await countOf(action, 'all'), total - count + 1)
    await wiretap.allDealtWith()
    t.same(await rekey.inbox.messagesTo(fresh.email), [])
  })
}
