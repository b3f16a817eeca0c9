import { RestoreRequested } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  backOfficeToken,
  claimsOf,
  loginBody,
  reportLinkOf,
  reset,
  restore,
  restoreBody,
  restoreGrant,
  signIn,
  verificationBody,
} from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createAttackerHttp } from './attacker-http.ts'
import { startMessageLog } from './message-log.ts'
import { sendRaw } from './raw-request.ts'

const proxy = '127.0.0.2'
const rekey = await startRekey(t, { gatewayEnv: { REKEY_TRUSTED_PROXIES: proxy } })
const { url, inbox } = rekey
const messageLog = await startMessageLog(t, rekey)
const newCustomer = () => createCustomer(rekey.postgres.url)

const evil = 'evil.example'
const poison = {
  host: evil,
  'x-forwarded-host': evil,
  'x-forwarded-server': evil,
  'x-forwarded-proto': 'https',
  'x-forwarded-prefix': `//${evil}`,
  'x-host': evil,
  'x-original-host': evil,
  'x-original-url': `//${evil}/`,
  'x-rewrite-url': `//${evil}/`,
  forwarded: `for=1.2.3.4;host=${evil};proto=https`,
  referer: `https://${evil}/`,
}

for (const from of ['127.0.0.1', proxy]) {
  t.test(`S32 a forged Host header from ${from} changes no link, issuer, metadata or redirect`, async (t) => {
    const http = createAttackerHttp(url, { headers: poison, from })
    const poisoned = { http, inbox }
    const [first, second] = [await newCustomer(), await newCustomer()]
    const answers = [
      await http.get('/.well-known/oauth-authorization-server'),
      await http.get('/.well-known/change-password'),
      await http.get('/.well-known/jwks.json'),
      await http.get('/restore'),
      await http.get('/not-me?token=x'),
      await http.get('/oauth/v2/nothing'),
    ]
    const [{ body: metadata } = { body: {} }, change] = answers
    for (const [name, value] of Object.entries(metadata)) {
      if (name === 'issuer' || /_(endpoint|uri)$/.test(name)) t.ok(String(value).startsWith(url), `${name}: ${value}`)
    }
    t.equal(change?.status, 302)
    t.equal(change?.headers.get('location'), `${url}/account/password`)

    const { answer, confirmation } = await askRestore(poisoned, first.email)
    const body = verificationBody(answer.body.mfa_token, confirmation)
    const verified = await http.post('/oauth/v2/passwordRestoreVerification', body)
    const tokens = [answer.body.mfa_token, verified.body.sign_token, await backOfficeToken(poisoned)].map(String)
    for (const token of tokens) t.equal(claimsOf(token).iss, url)
    answers.push(answer as never, verified, await restore(poisoned, tokens[1] ?? '', 'A-password-of-mine'))

    const token = await restoreGrant(poisoned, second, 'access_token')
    answers.push(await reset(poisoned, token))
    for (const { status, headers, text } of answers) {
      t.ok(status < 500)
      t.notOk(`${JSON.stringify([...headers])}${text}`.includes(evil))
    }
    // Messages: a code and two notifications; a code, two notifications and a temporary password.
    for (const [{ email, phone }, count] of [
      [first, 3],
      [second, 4],
    ] as const) {
      const messages = await eventually(async () => {
        const found = [...(await inbox.messagesTo(email)), ...(await inbox.messagesTo(phone))]
        return found.length >= count ? found : undefined
      })
      for (const { Text, HTML } of messages) {
        t.notOk(`${Text}${HTML}`.includes(evil))
        for (const [link] of `${Text} ${HTML}`.matchAll(/https?:\/\/[^/\s"<]+/g)) t.equal(link, url)
      }
      t.ok(messages.some((message) => reportLinkOf(message)?.startsWith(`${url}/n/`)))
    }
  })
}

t.test('S32 a request line that names another host gets an answer without that host', async (t) => {
  const sendTarget = (target: string) =>
    sendRaw(url, `GET ${target} HTTP/1.1\r\nHost: ${evil}\r\nConnection: close\r\n\r\n`)
  const pages = [
    '/.well-known/change-password',
    '/.well-known/oauth-authorization-server',
    '/restore',
    '/api/v2/my/password/changes',
  ]
  for (const path of pages) {
    for (const target of [`http://${evil}${path}`, `//${evil}${path}`, `/${evil}/..${path}`, `/\\${evil}${path}`]) {
      const received = await sendTarget(target)
      t.match(received, /^HTTP\/1\.1 (200|302|4\d\d) /, target)
      t.notOk(received.includes(evil), target)
    }
  }
})

t.test(
  'S26 a redirect URI that only looks like the registered one is refused at every endpoint that takes one',
  async (t) => {
    const lookalikes = [
      'http://localhost//',
      'http://localhost:80',
      'http://localhost.',
      'HTTP://localhost',
      'http://LOCALHOST',
      'http://localhost?next=1',
      'http://localhost#',
      'http://localhost/../x',
      'http://localhost%2f',
      'http://loc%61lhost',
      `http://localhost@${evil}`,
      `http://localhost:x@${evil}`,
      `http://localhost.${evil}`,
      `http://localhost%2e${evil}`,
      `http://localhost\\@${evil}`,
      `http://${evil}#http://localhost`,
      `http://${evil}?http://localhost`,
      'http://127.0.0.1',
      'http://[::1]',
      'https://localhost',
      '//localhost',
      'localhost',
      'javascript:alert(1)',
      'data:text/html,x',
      'http://localhost\t',
      'http://localhost\r\nLocation: x',
      ' http://localhost',
      'http://locaIhost',
      'http://ｌocalhost',
    ]
    const customer = await newCustomer()
    for (const redirect_uri of lookalikes) {
      for (const [path, body] of [
        ['/oauth/v2/passwordRestore', restoreBody('nobody@example.com', { redirect_uri })],
        ['/oauth/v2/login', loginBody(customer, { redirect_uri })],
      ] as const) {
        const refused = await rekey.http.post(path, body)
        t.equal(refused.status, 400, redirect_uri)
        t.match(refused.body.error, /^(access_denied|invalid_request)$/)
        t.equal(refused.headers.get('location'), null)
        t.notOk(refused.text.includes(evil))
      }
      const token = { grant_type: 'code', code: 'x', client_id: 'ib_localhost', redirect_uri }
      t.equal((await rekey.http.post('/oauth/v2/token', token)).status, 400)
    }
  },
)

t.test('S32 no query parameter redirects a browser to another site', async (t) => {
  const http = createAttackerHttp(url, {})
  for (const name of ['redirect_uri', 'redirect', 'next', 'url', 'return_to', 'returnUrl', 'continue']) {
    for (const value of [`https://${evil}`, `//${evil}`, `/\\${evil}`, 'javascript:alert(1)']) {
      for (const path of ['/.well-known/change-password', '/account/sign-in', '/restore', '/restore/begin']) {
        const { status, headers, text } = await http.get(`${path}?${new URLSearchParams({ [name]: value })}`)
        t.ok([200, 302, 303, 400].includes(status), `${path} ${name}: ${status}`)
        const own = [null, '/restore', `${url}/account/password`]
        t.ok(own.includes(headers.get('location')), `${headers.get('location')}`)
        for (const [, target] of text.matchAll(/(?:href|src|action)="([^"]*)"/g)) t.match(target, /^(\/[a-z]|tel:)/)
      }
    }
  }
})

t.test('S34 no unregistered origin gets a CORS header', async (t) => {
  const origins = [
    'null',
    `http://${evil}`,
    `http://localhost.${evil}`,
    'http://evil.localhost:81',
    'https://localhost',
    'http://localhost/',
  ]
  for (const origin of origins) {
    for (const [method, path] of [
      ['OPTIONS', '/oauth/v2/token'],
      ['GET', '/.well-known/jwks.json'],
      ['GET', '/restore'],
    ] as const) {
      const answer = await rekey.http.send(method, path, { origin, 'access-control-request-method': 'POST' })
      t.equal(answer.headers.get('access-control-allow-origin'), null, `${origin} ${method} ${path}`)
    }
  }
})

/** The client IP that the event of a restore has, or the status if the restore is refused. */
const recordedIpOf = async (from: string, headers: Record<string, string>) => {
  const before = messageLog.events(RestoreRequested).length
  const response = await createAttackerHttp(url, { from, headers }).post(
    '/oauth/v2/passwordRestore',
    restoreBody('nobody@example.com'),
  )
  if (response.status !== 200) return response.status
  return (await eventually(() => messageLog.events(RestoreRequested)[before])).ip
}

const forgedIpHeaders = (address: string) => ({
  'x-forwarded-for': address,
  'x-real-ip': address,
  'x-client-ip': address,
  'true-client-ip': address,
  'cf-connecting-ip': address,
  forwarded: `for="${address}"`,
})

t.test(
  'S30 the client IP is that of the connection unless it is a trusted proxy, whatever the headers say',
  async (t) => {
    const claims = [
      '203.0.113.1',
      '203.0.113.1, 203.0.113.2',
      '127.0.0.2',
      '::1',
      '2001:db8::1',
      '[2001:db8::1]:80',
      '::ffff:203.0.113.1',
      'unknown',
      '_hidden',
      '',
      '1.2.3.4:80',
      ',,,',
      '0x7f.1',
    ]
    for (const claim of claims) t.equal(await recordedIpOf('127.0.0.1', forgedIpHeaders(claim)), '127.0.0.1', claim)
  },
)

t.test(
  'S30 behind a trusted proxy the last X-Forwarded-For entry is the client IP; earlier entries change nothing',
  async (t) => {
    for (const client of ['198.51.100.7', '2001:db8::7']) {
      for (const spoofed of [
        '',
        '203.0.113.1, ',
        '127.0.0.1, 127.0.0.2, ',
        '::1, ',
        '2001:db8::1, unknown, ',
        'a, b, ',
      ]) {
        const headers = { ...forgedIpHeaders('203.0.113.9'), 'x-forwarded-for': `${spoofed}${client}` }
        t.equal(await recordedIpOf(proxy, headers), client, `${spoofed}${client}`)
      }
    }
    for (const [text, address] of [
      ['198.51.100.7:80', '198.51.100.7'],
      ['::ffff:198.51.100.7', '198.51.100.7'],
      ['[2001:db8::7]:80', '2001:db8::7'],
    ] as const) {
      t.equal(await recordedIpOf(proxy, { 'x-forwarded-for': text }), address, text)
    }
    for (const text of ['rubbish', '198.51.100.7:80000000', '999.1.1.1', 'x'.repeat(500)]) {
      t.equal(
        await recordedIpOf(proxy, { 'x-forwarded-for': text }),
        400,
        'an entry that is not an IP address is refused',
      )
    }
    t.equal(
      await recordedIpOf(proxy, { forwarded: 'for=203.0.113.1', 'x-real-ip': '203.0.113.1' }),
      proxy,
      'without X-Forwarded-For the IP is the proxy',
    )
  },
)

t.test('S30 history and notification show the IP of the connection, not a forged one', async (t) => {
  const customer = await newCustomer()
  const forger = { http: createAttackerHttp(url, { headers: forgedIpHeaders('2001:db8::bad') }), inbox }
  t.equal((await restore(forger, await restoreGrant(forger, customer), 'A-password-of-mine')).status, 204)
  const bearer = await signIn(forger, { ...customer, password: 'A-password-of-mine' })
  const { text } = await forger.http.get('/api/v2/my/password/changes', { authorization: `Bearer ${bearer}` })
  t.match(JSON.parse(text), { data: [{ ip: '127.0.0.1' }] })
  const notification = await eventually(async () => (await inbox.messagesTo(customer.email)).find(reportLinkOf))
  t.match(notification.Text, '127.0.0.1')
  t.notMatch(notification.Text, 'bad')
})
