import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { generateKeys, keyFiles } from '@rekey/local-servers/keys'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import { systemRandom } from '@rekey/platform/random'
import { createCustomer } from '@rekey/test-support/customers'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, problemOf, titleOf } from '@rekey/test-support/visitor'
import { languages } from '@rekey/texts'
import t, { type Test } from 'tap'
import { createApp } from '../app.ts'

const rekey = await startRekey(t, { env: { REKEY_BRAND: 'Bank & "Sons"' } })
const { http, url, clock } = rekey
const visitor = createVisitor(http)
const customer = await createCustomer(rekey.postgres.url)

const form = 'application/x-www-form-urlencoded'

/** A restore that waits for its code, and one that proved it. */
const start = await visitor.open('/restore')
const { fields: begin } = visitor.formOf(start)
const waiting = visitor.formOf(await visitor.submit(start, { username: customer.email }), '/code')
const proven = visitor.formOf(await visitor.proveCode(rekey.inbox, customer.email))
const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')

const turnOf = ({ fields }: typeof waiting) => ({ csrf: fields.csrf ?? '', turn: fields.turn ?? '' })

/** The path of every form, with valid fields. The last sets a password. */
const targets: { path: string; fields: Record<string, string> }[] = [
  { path: '/not-me', fields: { token: 'x.y' } },
  { path: '/restore', fields: { ...begin, username: 'nobody@example.com' } },
  { path: waiting.action.replace('/code', '/resend'), fields: turnOf(waiting) },
  { path: waiting.action, fields: { ...turnOf(waiting), code: '123456' } },
  { path: proven.action.replace('/password', '/strength'), fields: { ...turnOf(proven), password: 'Qwerty123' } },
  { path: proven.action, fields: { ...turnOf(proven), password: 'Qwerty123' } },
]
const paths = ['/not-me?token=x.y', '/restore', waiting.action, '/restore/nothing']
const statusOf = (path: string) => (path === '/restore/nothing' ? 404 : 200)

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
  "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"
const ownScript = /<script src="\/pages\/[0-9a-f]{16}\.js" defer><\/script>/
const ownCookie = /^rekey-(browser|lang)=[\w-]+; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Lax$/

/** Checks that the answer is HTML with the security headers of S34, whatever its text. */
const isPage = (t: Test, answer: Answer, status: number, what: string) => {
  t.equal(answer.status, status, what)
  t.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8', what)
  t.equal(answer.headers.get('content-security-policy'), policy)
  t.equal(answer.headers.get('referrer-policy'), 'no-referrer')
  t.equal(answer.headers.get('x-frame-options'), 'DENY')
  t.equal(answer.headers.get('x-content-type-options'), 'nosniff')
  t.equal(answer.headers.get('cache-control'), 'no-store')
  for (const line of answer.headers.getSetCookie()) t.match(line, ownCookie)
  t.match(answer.text, /^<!doctype html>\n<html lang="en" dir="ltr">/)
  t.match(answer.text, '<meta name="viewport" content="width=device-width, initial-scale=1">')
  t.notMatch(answer.text.replace(ownScript, ''), /<script|<style| style=|<img| on\w+=|node_modules|at \w+ \(/)
}

const send = (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
  http.send('POST', path, { 'content-type': form, cookie, ...headers }, body)

const encode = (fields: Record<string, string>) => new URLSearchParams(fields).toString()

t.test('S34: every page forbids scripts of others, third parties, frames, referrers and caches', async (t) => {
  for (const path of paths) {
    const page = await visitor.open(path)
    isPage(t, page, statusOf(path), path)
    const links = [...page.text.matchAll(/(?:href|src|action)="([^"]*)"/g)].map(([, link = '']) => link)
    t.ok(links.length > 0)
    for (const link of links) t.match(link, /^(\/[a-z]|tel:)/, 'links stay on our origin')
    t.match(page.text, 'Bank &#38; &#34;Sons&#34;')
  }
})

t.test('the stylesheet is our own, and its path contains its digest', async (t) => {
  const page = await visitor.open('/restore')
  const href = /<link rel="stylesheet" href="([^"]+)">/.exec(page.text)?.[1] ?? ''
  t.match(href, /^\/pages\/[0-9a-f]{16}\.css$/)
  const css = await http.get(href)
  t.equal(css.status, 200)
  t.equal(css.headers.get('content-type'), 'text/css; charset=utf-8')
  t.match(css.headers.get('cache-control'), 'immutable')
  t.notMatch(css.text, /url\(|@import/)
})

t.test('each input has a label', async (t) => {
  for (const path of [...paths, proven.action]) {
    const { text } = await visitor.open(path)
    for (const [tag] of text.matchAll(/<input [^>]*>/g)) {
      if (/type="hidden"|hidden>/.test(tag)) continue
      t.match(text, `<label for="${/id="([^"]+)"/.exec(tag)?.[1]}">`)
    }
  }
})

t.test('our own forms are accepted with every Origin that a browser sends for them', async (t) => {
  const sent = () => rekey.logs.filter((line) => line.includes('authn_challenge_sent')).length
  const before = sent()
  const own = [
    {},
    { origin: url },
    { 'sec-fetch-site': 'same-origin', origin: 'null' },
    { 'sec-fetch-site': 'none', origin: 'null' },
  ]
  for (const [index, headers] of own.entries()) {
    const page = await visitor.open('/restore')
    const { action, fields } = visitor.formOf(page)
    const answer = await visitor.post(action, { ...fields, username: `own${index}@example.com` }, headers as never)
    isPage(t, answer, 200, JSON.stringify(headers))
    t.equal(titleOf(answer), 'Check your email')
  }
  t.equal(sent() - before, own.length)
})

t.test('input is escaped in every page', async (t) => {
  const hostile = '"><script>alert(1)</script>'
  const attribute = "'onfocus=alert(1)autofocus='"
  for (const text of [hostile, attribute, '</title><svg/onload=alert(1)>']) {
    const reported = await visitor.open(`/not-me?${encode({ token: text })}`)
    isPage(t, reported, 200, text)
    t.notOk(reported.text.includes(text))
    for (const { path, fields } of targets) {
      for (const field of Object.keys(fields)) {
        const answer = await visitor.post(path, { ...fields, [field]: text })
        isPage(t, answer, answer.status, `${path} ${field}`)
        t.ok(answer.status < 500)
        t.notOk(answer.text.includes(text))
      }
    }
    for (const name of ['client_id', 'redirect_uri', 'state', 'lang', 'other']) {
      const answer = await visitor.open(`/restore?${encode({ [name]: text })}`)
      isPage(t, answer, answer.status, name)
      t.notOk(answer.text.includes(text))
    }
    isPage(t, await visitor.open(`/restore/${encodeURIComponent(text)}/code`), 404, text)
  }
  // A valid e-mail address may contain these characters.
  const quoted = await visitor.askCode("o'brien&co@example.com")
  isPage(t, quoted, 200, 'an apostrophe')
  t.match(quoted.text, 'o&#39;brien&#38;co@example.com')
})

t.test('S31: a malformed form gets a page with 4xx, never JSON, never 5xx', async (t) => {
  for (const { path, fields } of targets) {
    for (const field of Object.keys(fields)) {
      const { [field]: _, ...others } = fields
      isPage(t, await send(path, encode(others)), 400, `${path} without ${field}`)
      isPage(t, await send(path, `${encode(fields)}&${field}=again`), 400, `${path} ${field} twice`)
      isPage(t, await send(path, `${encode(others)}&${field}=%FF%FE`), 400, `${path} ${field} not UTF-8`)
      isPage(t, await send(path, `${encode(others)}&${field}=%zz`), 400, `${path} ${field} broken escape`)
      if (field === 'password' || field === 'code') continue
      for (const value of ['', 'a\r\nSet-Cookie: b=c\u0000', '\u{1F511}'.repeat(50), '9'.repeat(5_000)]) {
        isPage(t, await send(path, encode({ ...fields, [field]: value })), 400, `${path} ${field} ${value.slice(0, 9)}`)
      }
    }
    for (const body of ['', '&&&', '=', '__proto__=1', 'constructor=1&__proto__[a]=1', '[]', '{"token":"x"}']) {
      isPage(t, await send(path, body), 400, `${path} ${body}`)
    }
    isPage(t, await send(path, Buffer.from([0x74, 0x3d, 0xff, 0xfe])), 400, `${path} bytes`)
    isPage(t, await http.send('POST', path), 400, `${path} no body`)
    for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'application/xml']) {
      isPage(t, await send(path, '{"token":"x"}', { 'content-type': type }), 415, `${path} ${type}`)
    }
    isPage(t, await send(path, `${encode(fields)}&filler=${'x'.repeat(17 * 1024)}`), 413, `${path} too large`)
    if (path === proven.action) continue
    t.equal(
      (await send(path, `${encode(fields)}&more=is+ignored`)).status,
      (await send(path, encode(fields))).status,
      path,
    )
  }
  // In JSON each of these characters takes six bytes: the password-service refuses it.
  const page = await visitor.proveCode(rekey.inbox, customer.email)
  const grown = await visitor.submit(page, { password: '\u0001'.repeat(4_000) })
  t.equal(problemOf(grown), 'Use at most 128 characters.')
  for (const query of ['', '?', '?token', '?token=', '?token=a&token=b', '?token=%FF', '?token=%zz', '?token=a%20b']) {
    isPage(t, await visitor.open(`/not-me${query}`), 400, query)
  }
  isPage(t, await visitor.open(`/not-me?token=${'x'.repeat(5_000)}`), 400, 'long')
  isPage(t, await visitor.open('/restore?%zz'), 400, 'a malformed query')
  isPage(t, await visitor.open('/restore?utm=1'), 200, 'an unknown query parameter')
})

t.test('every error is a page in the language of the visitor', async (t) => {
  const requests: [path: string, method: string, headers: Record<string, string>][] = [
    ['/restore/nothing', 'GET', {}],
    ['/restore/nothing/at/all', 'GET', {}],
    ['/not-me', 'GET', {}],
    ['/restore?%zz', 'GET', {}],
    ['/restore', 'POST', { 'content-type': form }],
    ['/restore', 'POST', { 'content-type': 'application/json' }],
    ['/restore', 'POST', { 'content-type': form, 'sec-fetch-site': 'cross-site' }],
    [proven.action, 'GET', { cookie: '' }],
  ]
  for (const [path, method, headers] of requests) {
    for (const language of languages) {
      const answer = await http.send(method, path, {
        ...headers,
        'accept-language': language,
        accept: 'application/json',
      })
      t.ok(answer.status >= 400 && answer.status < 500, `${method} ${path}`)
      t.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
      t.match(answer.text, `<html lang="${language}" dir="ltr">`)
      t.match(answer.text, 'Bank &#38; &#34;Sons&#34;')
    }
  }
  const mirrored = await http.get('/restore/nothing?lang=ar-XB')
  t.match(mirrored.text, '<html lang="ar-XB" dir="rtl">')
})

t.test('other methods are refused, and HEAD has no effect', async (t) => {
  for (const { path, fields } of targets) {
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const answer = await http.send(method, path, { 'content-type': form }, encode(fields))
      t.equal(answer.status, 405, `${method} ${path}`)
      t.match(answer.headers.get('allow'), 'POST')
    }
  }
  for (const path of paths) {
    const head = await http.send('HEAD', path, { cookie })
    t.equal(head.status, statusOf(path))
    t.equal(head.text, '')
    t.match(head.headers.get('content-security-policy'), "default-src 'none'")
  }
})

t.test('S32: a forged Host header changes no page', async (t) => {
  const { hostname, port } = new URL(url)
  const request = async (head: string) => {
    const socket = connect(Number(port), hostname)
    socket.write(`${head}\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n`)
    return text(socket)
  }
  for (const path of [...paths, '/restore/begin']) {
    const answer = await request(`GET ${path} HTTP/1.1`)
    t.match(answer, /^HTTP\/1\.1 (200|303|404)/)
    t.notMatch(answer, 'evil')
  }
})

t.test('without the password-service the last page says so, and can be sent again', async (t) => {
  const withoutUpstream = await startRekey(t, { env: { REKEY_PASSWORD_SERVICE_URL: 'http://127.0.0.1:9' } })
  const browser = createVisitor(withoutUpstream.http)
  const { email } = await createCustomer(withoutUpstream.postgres.url)
  const { action, fields } = browser.formOf(await browser.proveCode(withoutUpstream.inbox, email))
  const answer = await browser.post(action, { ...fields, password: 'Qwerty123' })
  isPage(t, answer, 200, 'unavailable')
  t.equal(titleOf(answer), 'Choose a new password')
  t.match(problemOf(answer), 'Your new password may be set already.')
  t.ok(
    withoutUpstream.logs.some((line) => JSON.parse(line).severity === 'error' && line.includes('fetch failed')),
    'the log states the cause',
  )
})

t.test('without a default client there is no hosted restore', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'rekey-production-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  await generateKeys(dir)
  const clients = join(dir, 'clients.json')
  writeFileSync(clients, '[]')
  const files = { REKEY_CLIENTS_FILE: clients, REKEY_SIGNING_KEYS_FILE: keyFiles(dir).signingKeys }
  const production = { REKEY_PROFILE: 'production', ...files } as const
  const log = createLogger({ name: 'auth-gateway', level: 'silent' })
  const app = await createApp(
    { ...rekey.gatewayConfig, ...production },
    { log, metrics: createMetrics(), now: clock.now, random: systemRandom },
  )
  t.teardown(() => app.close())
  t.equal((await app.inject('/restore')).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: '/restore' })).statusCode, 404)
  t.equal((await app.inject('/not-me?token=x')).statusCode, 200)
  t.match((await app.inject('/not-me?token=x&lang=ar-XB')).body, '<html lang="en" dir="ltr">', 'no pseudo-texts')
  t.equal((await app.inject('/.well-known/change-password')).statusCode, 404, 'no link leads to it')
})
