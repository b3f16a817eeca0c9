import { race } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import t from 'tap'
import { unknownEmail } from './requests.ts'
import { bank, countAllowed, isRefused, pool, quotas, startWithSmallQuotas, type Visitor } from './small-quotas.ts'

const { rekey, direct, visitor, newAddress, countOf, findExceeded } = await startWithSmallQuotas(t)

interface Limited {
  action: string
  quota: number
  format: 'oauth' | 'problem' | 'page'
  send(visitor: Visitor): Promise<Answer>
}

const opened = (await direct('127.0.0.3').a1(unknownEmail())).body.mfa_token

/** Requests that are limited by IP. */
const byAddress: Record<string, Limited> = {
  'a restore (A1)': { action: 'code', quota: 20, format: 'oauth', send: ({ a1 }) => a1(unknownEmail()) },
  'a restore (B5b)': {
    action: 'code',
    quota: 20,
    format: 'problem',
    send: ({ b5b }) => b5b({ email: unknownEmail() }),
  },
  'a restore on the pages': {
    action: 'code',
    quota: 20,
    format: 'page',
    send: ({ pages }) => pages().askCode(unknownEmail()),
  },
  'an answer to a code (A2)': { action: 'answer', quota: 20, format: 'oauth', send: ({ a2 }) => a2(opened, '1') },
  'an answer to a code (B6)': { action: 'answer', quota: 20, format: 'problem', send: ({ b6 }) => b6(opened, '1') },
  'a sign-in (A4)': { action: 'login', quota: 10, format: 'oauth', send: ({ a4 }) => a4(unknownEmail(), 'a guess') },
  'a token (A5)': {
    action: 'token',
    quota: 70,
    format: 'oauth',
    send: ({ http }) =>
      http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...bank, client_secret: 'a guess' }),
  },
  'a new password (B2)': {
    action: 'password',
    quota: 20,
    format: 'problem',
    send: ({ http }) => http.post('/api/v2/my/password/restore', { password: 'a new password' }, { successToken: 'x' }),
  },
}
const refusals = {
  oauth: { error: 'temporarily_unavailable', error_description: 'Too many requests. Try again later.' },
  problem: { type: 'urn:rekey:problem:too_many_requests', status: 429, code: 'too_many_requests' },
  page: {},
}

for (const [what, { action, quota, format, send }] of Object.entries(byAddress)) {
  t.test(`S30 S35 ${what}: one IP may send ${quota}, and the excess is refused, logged and published`, async (t) => {
    const address = newAddress()
    const before = await countOf(action, 'address')
    const answers = await pool(quota + 5, action === 'login' ? 1 : 50, () => send(visitor(address)))
    t.equal(countAllowed(answers), quota)
    for (const { headers, body, text } of answers.filter(isRefused)) {
      const seconds = Number(headers.get('retry-after'))
      t.ok(seconds > 500 && seconds <= 650, 'Retry-After')
      t.match(Object.fromEntries(headers), {
        'ratelimit-limit': String(quota),
        'ratelimit-remaining': '0',
        'cache-control': 'no-store',
      })
      t.equal(headers.get('ratelimit-reset'), String(seconds))
      t.match(body, refusals[format])
      if (format === 'page') t.match(text, 'There were too many requests. Try again in')
    }
    t.notOk(isRefused(await send(visitor(newAddress()))), 'another IP is not limited')

    const { event, logged, isReportedOnce } = await findExceeded(action, 'address', address)
    t.ok(isReportedOnce)
    t.match(event, { action, by: 'address', ip: address, allowance: quota })
    t.match(logged[0], {
      severity: 'warn',
      address,
      allowance: quota,
      retryAfterSeconds: Number,
      traceId: /^[\da-f]{32}$/,
    })
    t.equal((await countOf(action, 'address')) - before, 5)
  })
}

t.test('S30 forged proxy headers do not change the IP that is counted', async (t) => {
  const forger = '127.0.0.4'
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
    return direct(forger, forged).a1(unknownEmail(), { ip: claimed })
  })
  t.equal(countAllowed(answers), quotas.REKEY_LIMIT_CODE_ADDRESS)
  const { isReportedOnce } = await findExceeded('code', 'address', forger)
  t.ok(isReportedOnce)

  const real = newAddress()
  const chained = await race(25, (index) => visitor(`203.0.113.${index}, ${real}`).a1(unknownEmail()))
  t.equal(countAllowed(chained), quotas.REKEY_LIMIT_CODE_ADDRESS, 'earlier entries of X-Forwarded-For')
  const loggedIps = new Set((await rekey.logOf('auth-gateway')).map(({ address }) => address))
  t.ok(loggedIps.has(forger) && loggedIps.has(real))
  t.notOk([...loggedIps].some((address) => String(address).startsWith('203.0.113.')))
})

/** Like `race`, at most 25 at once: of more, a busy machine answers none within the time-out of Redis. */
const raceInWaves = async <T>(times: number, work: (index: number) => Promise<T>): Promise<T[]> => {
  const results: T[] = []
  while (results.length < times) {
    const done = results.length
    results.push(...(await race(Math.min(25, times - done), (index) => work(done + index))))
  }
  return results
}

t.test('S30 behind the trusted proxy each IPv4 address, however written, and each IPv6 /64 has a quota', async (t) => {
  const send = (address: (index: number) => string) => race(25, (index) => visitor(address(index)).a1(unknownEmail()))
  t.equal(countAllowed(await send(newAddress)), 25)
  t.equal(countAllowed(await send((index) => `2001:db8:1:2:${index}::${index + 1}`)), quotas.REKEY_LIMIT_CODE_ADDRESS)
  t.equal(countAllowed([await visitor('2001:db8:1:3::1').a1(unknownEmail())]), 1, 'the next /64')
  const site = await raceInWaves(100, (index) => visitor(`2001:db8:2:${index}::1`).a1(unknownEmail()))
  t.equal(countAllowed(site), 4 * quotas.REKEY_LIMIT_CODE_ADDRESS, 'a hundred /64 networks of one /48')
  const address = newAddress()
  const written = await send((index) => (index % 2 === 0 ? address : `::ffff:${address}`))
  t.equal(countAllowed(written), quotas.REKEY_LIMIT_CODE_ADDRESS)
})

t.test('the limit of a client holds for that client from any IP, and for no other client', async (t) => {
  const open = async (client_id: string) =>
    (await visitor(newAddress()).a1(unknownEmail(), { client_id })).body.mfa_token
  const [another, ours] = [await open('another'), await open('ib_localhost')]
  const answers = await raceInWaves(105, () => visitor(newAddress()).a2(another, '1'))
  t.equal(countAllowed(answers), quotas.REKEY_LIMIT_ANSWER_CLIENT)
  const address = newAddress()
  const refused = await visitor(address).a2(another, '1')
  t.match(Object.fromEntries(refused.headers), { 'ratelimit-limit': '100', 'ratelimit-remaining': '0' })
  t.notOk(isRefused(await visitor(address).a2(ours, '1')))
  const { event, isReportedOnce } = await findExceeded('answer', 'client')
  t.match(event, { clientId: 'another', allowance: 100 })
  t.ok(isReportedOnce)
})

t.test('S30 the client-asserted IP counts for an authenticated confidential client only', async (t) => {
  const basic = (secret: string) => ({
    authorization: `Basic ${Buffer.from(`${bank.client_id}:${secret}`).toString('base64')}`,
  })
  const send = (headers: Record<string, string>, ip: (index: number) => string, client_id = bank.client_id) => {
    const address = newAddress()
    return race(25, (index) => visitor(address, headers).a1(unknownEmail(), { client_id, ip: ip(index) }))
  }
  const claimed = newAddress()
  t.equal(countAllowed(await send(basic(bank.client_secret), newAddress)), 25, 'an IP each')
  t.equal(countAllowed(await send(basic(bank.client_secret), () => claimed)), quotas.REKEY_LIMIT_CODE_ADDRESS, 'one IP')
  for (const refused of await send({}, newAddress)) t.equal(refused.status, 401, 'its client_id without its secret')
  t.equal(countAllowed(await send({}, newAddress, 'ib_localhost')), quotas.REKEY_LIMIT_CODE_ADDRESS, 'a public client')

  const address = newAddress()
  const guess = (index: number) =>
    visitor(address, basic(`a guess ${index}`)).a1(unknownEmail(), { client_id: bank.client_id })
  const guesses = await raceInWaves(75, guess)
  t.equal(countAllowed(guesses), quotas.REKEY_LIMIT_TOKEN_ADDRESS)
  for (const guess of guesses.filter((answer) => !isRefused(answer))) {
    t.match(guess, { status: 401, body: { error: 'invalid_client' } })
    t.match(guess.headers.get('www-authenticate'), 'Basic')
  }
})
