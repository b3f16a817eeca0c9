import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { codesOf, wrongCode } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createVisitor, formsOf, problemOf, titleOf } from './pages.fixture.ts'

const rekey = await startRekey(t, {
  env: { REKEY_TRUSTED_PROXIES: '127.0.0.1', REKEY_PASSWORD_BLOCKLIST: 'true', REKEY_PASSWORD_HISTORY: '4' },
})
const visitor = createVisitor(rekey.http)

/** The confirmation code of the message with the page's verification code. */
const codeFor = (page: Answer, to: string) =>
  eventually(
    async () => {
      const verification = formsOf(page.text)[0]?.fields.verification
      const message = (await rekey.inbox.messagesTo(to)).find((one) => codesOf(one).verification === verification)
      return message && codesOf(message).confirmation
    },
    { what: `a code for ${to}` },
  )

const begin = async (username: string) => visitor.submit(await visitor.open('/restore'), { username })

/** Completes the restore up to the page for the new password. */
const passwordPageOf = async (email: string) => {
  const page = await begin(email)
  return visitor.submit(page, { code: await codeFor(page, email) })
}

const canSignIn = async (username: string, password: string) => {
  const login = await rekey.http.post('/oauth/v2/login', {
    client_id: 'ib_localhost',
    redirect_uri: 'http://localhost',
    response_type: 'code',
    state: 's',
    client_timezone: '-3',
    source_system: 'IB',
    ip: '::1',
    scope: 'CUSTOMER:FULL',
    username,
    password,
  })
  return login.status === 200
}

t.test('a customer restores the password with forms only', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const start = await visitor.open('/restore')
  t.equal(start.status, 200)
  t.equal(titleOf(start), 'Set a new password')

  const code = await visitor.submit(start, { username: customer.email })
  t.equal(titleOf(code), 'Enter the code')
  const confirmation = await codeFor(code, customer.email)
  t.notOk(code.text.includes(confirmation), 'S9 only the message contains the confirmation code')

  const password = await visitor.submit(code, { code: ` ${confirmation.slice(0, 3)} ${confirmation.slice(3)} ` })
  t.equal(titleOf(password), 'Choose a new password')
  t.match(password.text, /<input [^>]*name="password"[^>]*autocomplete="new-password"/)

  const done = await visitor.submit(password, { password: 'a new Пароль & more', repeated: 'a new Пароль & more' })
  t.equal(done.status, 200)
  t.equal(titleOf(done), 'You have a new password')
  t.match(done.text, 'Sign in to Rekey with the new password')
  t.equal(done.headers.get('set-cookie'), null)
  t.equal(await canSignIn(customer.email, 'a new Пароль & more'), true)
  t.equal(await canSignIn(customer.email, customer.password), false)

  const again = await visitor.submit(password, { password: 'another-password', repeated: 'another-password' })
  t.equal(again.status, 403)
  t.equal(titleOf(again), 'Please start again')
  t.equal(await canSignIn(customer.email, 'another-password'), false)
})

t.test('a phone number is accepted in common notations', async (t) => {
  const { phone } = await createCustomer(rekey.postgres.url)
  const [area, rest] = [phone.slice(3, 7), phone.slice(7)]
  for (const input of [` +44 ${area} ${rest}`, `0044 (${area}) ${rest.slice(0, 3)}-${rest.slice(3)}`]) {
    const page = await begin(input)
    t.equal(titleOf(page), 'Enter the code', input)
    t.match(page.text, phone)
    t.equal(titleOf(await visitor.submit(page, { code: await codeFor(page, phone) })), 'Choose a new password')
  }
})

t.test('a weak password is refused with the reason, and the restore continues', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await passwordPageOf(customer.email)
  const weak = await visitor.submit(page, { password: 'short', repeated: 'short' })
  t.equal(weak.status, 422)
  t.equal(problemOf(weak), 'The password must have at least 8 characters.')
  t.notMatch(weak.text, 'value="short"', 'the page does not contain the password')
  const different = await visitor.submit(weak, { password: 'long enough 1', repeated: 'long enough 2' })
  t.equal(different.status, 400)
  t.match(problemOf(different), 'not the same')
  const empty = await visitor.submit(different, { password: '', repeated: '' })
  t.equal(empty.status, 422)
  t.equal(titleOf(empty), 'Choose a new password')
  t.equal(
    titleOf(await visitor.submit(empty, { password: 'long enough 1', repeated: 'long enough 1' })),
    'You have a new password',
  )
})

t.test('S16: the page states next to the field why a password is refused', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const guessable = 'The password is too easy to guess: many people use it, or one like it.'
  const ours =
    'The password must not be just the e-mail address, the phone number or our name, even with digits or signs'
  const reasons = {
    Password123: guessable,
    abcabc: `The password must have at least 8 characters. ${guessable}`,
    'Rekey-2026': `${ours} added.`,
    [`${customer.email}1`]: `${ours} added.`,
    [customer.password]: 'The password must not be one that this account had before.',
  }
  let page = await passwordPageOf(customer.email)
  for (const [password, reason] of Object.entries(reasons)) {
    page = await visitor.submit(page, { password, repeated: password })
    t.equal(page.status, 422, password)
    t.equal(problemOf(page), reason)
    t.notMatch(page.text, `value="${password}"`, 'the page does not contain the password')
  }
  const done = await visitor.submit(page, { password: 'four words of mine', repeated: 'four words of mine' })
  t.equal(titleOf(done), 'You have a new password')
})

t.test('a wrong code can be corrected; five wrong codes end the restore', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  let page = await begin(customer.email)
  const confirmation = await codeFor(page, customer.email)
  const malformed = await visitor.submit(page, { code: 'seven' })
  t.equal(malformed.status, 400)
  t.match(problemOf(malformed), 'digits alone')
  for (let failure = 1; failure < 5; failure += 1) {
    page = await visitor.submit(page, { code: wrongCode(confirmation) })
    t.equal(page.status, 400)
    t.match(problemOf(page), 'That code is not right')
  }
  for (const code of [wrongCode(confirmation), confirmation]) {
    const ended = await visitor.submit(page, { code })
    t.equal(ended.status, 400)
    t.equal(titleOf(ended), 'Please start again')
    t.match(ended.text, 'Too many codes were wrong')
  }
})

t.test('S7: a code can be sent again after a minute, and the page states the wait', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await begin(customer.email)
  const first = await codeFor(page, customer.email)
  const early = await visitor.submit(page, {}, '/restore/resend')
  t.equal(early.status, 429)
  t.ok(Number(early.headers.get('retry-after')) > 0)
  t.match(early.text, /A new code can be sent in (59|60) seconds/)
  t.equal(titleOf(early), 'Enter the code')
  rekey.clock.advance(60_000)
  const second = await visitor.submit(early, {}, '/restore/resend')
  t.equal(second.status, 200)
  t.match(second.text, 'A new code is on its way')
  t.equal(titleOf(await visitor.submit(second, { code: wrongCode(first) })), 'Enter the code')
  t.equal(
    titleOf(await visitor.submit(second, { code: await codeFor(second, customer.email) })),
    'Choose a new password',
  )
  t.equal(
    titleOf(await visitor.submit(second, {}, '/restore/resend')),
    'Please start again',
    'a spent challenge has ended',
  )
})

t.test('S19: no step can be skipped, because each needs the token of the step before', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await begin(customer.email)
  const token = formsOf(page.text)[0]?.fields.token ?? ''
  const fields = { username: customer.email, password: 'long enough 1', repeated: 'long enough 1' }
  const skipped = await visitor.post('/restore/finish', { ...fields, token })
  t.equal(skipped.status, 403)
  t.equal(titleOf(skipped), 'Please start again')
  t.equal(await canSignIn(customer.email, customer.password), true)
})

t.test('a malformed address is refused next to the field', async (t) => {
  for (const input of ['', 'somebody', '7700900222', 'a@b', '+44', `${'a'.repeat(300)}@example.com`]) {
    const page = await begin(input)
    t.equal(page.status, 400, input)
    t.match(problemOf(page), 'Enter an e-mail address, or a phone number')
    t.equal(formsOf(page.text)[0]?.fields.username, input)
  }
})

t.test('a GET of a form’s path redirects to the first page', async (t) => {
  for (const step of ['begin', 'resend', 'answer', 'finish']) {
    const answer = await fetch(`${rekey.url}/restore/${step}`, { redirect: 'manual' })
    t.equal(answer.status, 303)
    t.equal(answer.headers.get('location'), '/restore')
  }
})

t.test(
  'the history contains the customer’s IP address, and both services log one trace id, which is not the caller’s',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const page = await passwordPageOf(customer.email)
    const callerTraceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const [form] = formsOf(page.text)
    const fields = { ...form?.fields, password: 'four words of mine', repeated: 'four words of mine' }
    const headers = { 'x-forwarded-for': '203.0.113.9', traceparent: `00-${callerTraceId}-00f067aa0ba902b7-01` }
    t.equal((await visitor.post('/restore/finish', fields, headers)).status, 200)
    const rows = await sql(
      rekey.postgres.url,
      'SELECT operation, ip, client_id FROM password_change WHERE customer_id = $1',
      [customer.id],
    )
    t.same(rows, [{ operation: 'restore', ip: '203.0.113.9', client_id: 'ib_localhost' }])
    const logged = rekey.logs.map((line) => JSON.parse(line))
    const { traceId } = logged.find((line) => line.callerTraceId === callerTraceId) ?? {}
    t.match(traceId, /^[0-9a-f]{32}$/)
    t.not(traceId, callerTraceId)
    const lines = logged.filter((line) => line.traceId === traceId)
    t.same(new Set(lines.map(({ service }) => service)).has('password-service'), true)
  },
)

t.test('logs contain no password and no token', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const page = await passwordPageOf(customer.email)
  await visitor.submit(page, { password: 'unmistakable-words', repeated: 'unmistakable-words' })
  const logs = rekey.logs.join('')
  t.match(logs, '/restore/finish')
  t.notMatch(logs, 'unmistakable-words')
  t.notMatch(logs, formsOf(page.text)[0]?.fields.token ?? 'none')
})
