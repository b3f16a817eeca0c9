import { race } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import t from 'tap'
import { allowed, bank, granted, isRefused, pool, startLimited, type Visitor } from './limited.ts'
import { nobody } from './requests.ts'

const { rekey, direct, visitor, newAddress, countOf, traces } = await startLimited(t)

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
      http.post('/oauth/v2/token', { grant_type: 'client_credentials', ...bank, client_secret: 'a guess' }),
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
    return direct(forger, forged).a1(nobody(), { ip: claimed })
  })
  t.equal(granted(answers), allowed.REKEY_LIMIT_CODE_ADDRESS)
  const { isToldOnce } = await traces('code', 'address', forger)
  t.ok(isToldOnce)

  const real = newAddress()
  const chained = await race(25, (index) => visitor(`203.0.113.${index}, ${real}`).a1(nobody()))
  t.equal(granted(chained), allowed.REKEY_LIMIT_CODE_ADDRESS, 'what stands before the address that the proxy saw')
  const seen = new Set((await rekey.logOf('auth-gateway')).map(({ address }) => address))
  t.ok(seen.has(forger) && seen.has(real))
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

t.test('a client’s limit stops that client, wherever it comes from, and no other', async (t) => {
  const open = async (client_id: string) => (await visitor(newAddress()).a1(nobody(), { client_id })).body.mfa_token
  const [another, ours] = [await open('another'), await open('ib_localhost')]
  const answers = await race(105, () => visitor(newAddress()).a2(another, '1'))
  t.equal(granted(answers), allowed.REKEY_LIMIT_ANSWER_CLIENT)
  const address = newAddress()
  const refused = await visitor(address).a2(another, '1')
  t.match(Object.fromEntries(refused.headers), { 'ratelimit-limit': '100', 'ratelimit-remaining': '0' })
  t.notOk(isRefused(await visitor(address).a2(ours, '1')))
  const { event, isToldOnce } = await traces('answer', 'client')
  t.match(event, { clientId: 'another', allowance: 100 })
  t.ok(isToldOnce)
})

t.test(
  'S30 a confidential client that proves itself says where its users come from, and nobody else does',
  async (t) => {
    const basic = (secret: string) => ({
      authorization: `Basic ${Buffer.from(`${bank.client_id}:${secret}`).toString('base64')}`,
    })
    const asked = (headers: Record<string, string>, ip: (index: number) => string, client_id = bank.client_id) => {
      const address = newAddress()
      return race(25, (index) => visitor(address, headers).a1(nobody(), { client_id, ip: ip(index) }))
    }
    const claimed = newAddress()
    t.equal(granted(await asked(basic(bank.client_secret), newAddress)), 25, 'each of its users')
    t.equal(
      granted(await asked(basic(bank.client_secret), () => claimed)),
      allowed.REKEY_LIMIT_CODE_ADDRESS,
      'one of its users',
    )
    t.equal(granted(await asked({}, newAddress)), allowed.REKEY_LIMIT_CODE_ADDRESS, 'in its name, without its secret')
    t.equal(granted(await asked({}, newAddress, 'ib_localhost')), allowed.REKEY_LIMIT_CODE_ADDRESS, 'a public client')

    const address = newAddress()
    const guesses = await race(75, (index) =>
      visitor(address, basic(`a guess ${index}`)).a1(nobody(), { client_id: bank.client_id }),
    )
    t.equal(granted(guesses), allowed.REKEY_LIMIT_TOKEN_ADDRESS)
    for (const guess of guesses.filter((answer) => !isRefused(answer))) {
      t.match(guess, { status: 401, body: { error: 'invalid_client' } })
      t.match(guess.headers.get('www-authenticate'), 'Basic')
    }
  },
)
