import { createCustomer, sql } from '@rekey/test-support/customers'
import { wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import {
  confirmationFor,
  createVisitor,
  formsOf,
  problemOf,
  titleOf,
  verificationOf,
} from '@rekey/test-support/visitor'
import t from 'tap'

const rekey = await startRekey(t, {
  env: { REKEY_TRUSTED_PROXIES: '127.0.0.1', REKEY_PASSWORD_BLOCKLIST: 'true', REKEY_PASSWORD_HISTORY: '4' },
})
const { inbox } = rekey
/** A browser of a customer. */
const visit = () => createVisitor(rekey.http)

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
  const visitor = visit()
  const start = await visitor.open('/restore')
  t.equal(start.status, 200)
  t.equal(titleOf(start), 'Reset your password')

  const code = await visitor.submit(start, { username: customer.email })
  t.equal(titleOf(code), 'Check your email')
  t.match(code.text, 'They work for 10 minutes', 'the life of the code')
  const confirmation = await confirmationFor(inbox, code, customer.email)
  t.notOk(code.text.includes(confirmation), 'S9 only the message contains the confirmation code')

  const password = await visitor.submit(code, { code: ` ${confirmation.slice(0, 3)} ${confirmation.slice(3)} ` })
  t.equal(titleOf(password), 'Choose a new password')
  t.match(password.text, 'At least 8 characters', 'the least length')
  t.match(password.text, /<input [^>]*name="password"[^>]*autocomplete="new-password"/)

  const done = await visitor.submit(password, { password: 'a new Пароль & more' })
  t.equal(done.status, 200)
  t.equal(titleOf(done), 'Your password is changed')
  t.match(done.text, 'Sign in to Rekey with your new password')
  t.equal(await canSignIn(customer.email, 'a new Пароль & more'), true)
  t.equal(await canSignIn(customer.email, customer.password), false)

  const again = await visitor.submit(password, { password: 'another-password' })
  t.equal(titleOf(again), 'Your password is changed')
  t.match(again.text, 'The one that you entered first is valid')
  t.equal(await canSignIn(customer.email, 'another-password'), false)
})

t.test('a phone number is accepted in common notations', async (t) => {
  const { phone } = await createCustomer(rekey.postgres.url)
  const [area, rest] = [phone.slice(3, 7), phone.slice(7)]
  for (const input of [` +44 ${area} ${rest}`, `0044 (${area}) ${rest.slice(0, 3)}-${rest.slice(3)}`]) {
    const visitor = visit()
    const page = await visitor.askCode(input)
    t.equal(titleOf(page), 'Check your phone', input)
    t.match(page.text, phone)
    t.equal(
      titleOf(await visitor.submit(page, { code: await confirmationFor(inbox, page, phone) })),
      'Choose a new password',
    )
  }
})

t.test('a weak password is refused with the reason, and the restore continues', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  const page = await visitor.proveCode(inbox, customer.email)
  const weak = await visitor.submit(page, { password: 'short' })
  t.equal(problemOf(weak), 'Use at least 8 characters.')
  t.notMatch(weak.text, 'value="short"', 'the page does not contain the password')
  const empty = await visitor.submit(weak, { password: '' })
  t.equal(problemOf(empty), 'Enter your new password.')
  t.equal(titleOf(await visitor.submit(empty, { password: 'long enough 1' })), 'Your password is changed')
})

t.test('S16: the page states next to the field why a password is refused', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const guessable = 'This password is too easy to guess. Many people use it or a similar one.'
  const ours = 'Do not use your email, your phone number or the name Rekey, even with digits added.'
  const reasons = {
    Password123: guessable,
    abcabc: `Use at least 8 characters. ${guessable}`,
    'Rekey-2026': ours,
    [`${customer.email}1`]: ours,
    [customer.password]: 'You have used this password before. Choose a new one.',
  }
  const visitor = visit()
  let page = await visitor.proveCode(inbox, customer.email)
  for (const [password, reason] of Object.entries(reasons)) {
    page = await visitor.submit(page, { password })
    t.equal(problemOf(page), reason)
    t.match(page.text, `<p class="problem" id="password-problem">${reason}</p>`)
    t.notMatch(page.text, `value="${password}"`, 'the page does not contain the password')
  }
  t.equal(titleOf(await visitor.submit(page, { password: 'four words of mine' })), 'Your password is changed')
})

t.test('a password is tested without script, and nothing is set', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  let page = await visitor.proveCode(inbox, customer.email)
  for (const [password, score] of [
    ['12345678', /data-score="0"/],
    [`${customer.email}1`, /data-score="[01]"/],
    ['violet kettle paper moon', /data-score="4"/],
  ] as const) {
    const { action, fields } = visitor.formOf(page)
    page = await visitor.post(action.replace(/password$/, 'strength'), { ...fields, password })
    t.equal(titleOf(page), 'Choose a new password')
    t.match(page.text, score, password)
    t.notMatch(page.text, password)
  }
  t.equal(await canSignIn(customer.email, customer.password), true)
})

t.test('a wrong code can be corrected; five wrong codes end the restore', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  let page = await visitor.askCode(customer.email)
  const confirmation = await confirmationFor(inbox, page, customer.email)
  page = await visitor.submit(page, { code: 'seven' })
  t.match(problemOf(page), 'Enter the confirmation code: the 6 digits')
  for (let press = 0; press < 6; press += 1) {
    page = await visitor.submit(page, { code: verificationOf(page) })
    t.match(problemOf(page), 'This is the verification code', 'counts no attempt')
  }
  for (let failure = 1; failure < 5; failure += 1) {
    page = await visitor.submit(page, { code: wrongCode(confirmation) })
    t.match(problemOf(page), 'This code is not correct')
  }
  for (const code of [wrongCode(confirmation), confirmation]) {
    const ended = await visitor.submit(page, { code })
    t.equal(titleOf(ended), 'Please start again')
    t.match(ended.text, 'too many wrong codes')
    t.notMatch(ended.text, /\b[1-5] (tries|attempts)/, 'no page says how many are left')
  }
})

t.test('S7: a code can be sent again after a minute, and the page states the wait', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  const page = await visitor.askCode(customer.email)
  const first = await confirmationFor(inbox, page, customer.email)
  const early = await visitor.submit(page, {}, '/resend')
  t.match(problemOf(early), /Try again in (59|60) seconds/)
  t.match(early.text, /data-wait="(59|60)"/)
  t.equal(titleOf(early), 'Check your email')
  rekey.clock.advance(60_000)
  const second = await visitor.submit(early, {}, '/resend')
  t.match(second.text, 'We have sent a new code')
  t.equal(titleOf(await visitor.submit(second, { code: wrongCode(first) })), 'Check your email')
  const code = await confirmationFor(inbox, second, customer.email)
  t.equal(titleOf(await visitor.submit(second, { code })), 'Choose a new password')
  t.equal(
    titleOf(await visitor.submit(second, {}, '/resend')),
    'Choose a new password',
    'a spent challenge sends no code, and the proof is kept',
  )
})

t.test('an expired code says so, and a new one is sent in place', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  const page = await visitor.askCode(customer.email)
  const old = await confirmationFor(inbox, page, customer.email)
  rekey.clock.advance(600_000)
  for (const expired of [await visitor.open(visitor.at()), await visitor.submit(page, { code: old })]) {
    t.equal(titleOf(expired), 'Your code has expired')
    t.equal(formsOf(expired.text).length, 1)
  }
  const renewed = await visitor.submit(await visitor.open(visitor.at()))
  t.match(renewed.text, 'We have sent a new code')
  const code = await confirmationFor(inbox, renewed, customer.email)
  const password = await visitor.submit(renewed, { code })
  rekey.clock.advance(601_000)
  const late = await visitor.submit(password, { password: 'four words of mine' })
  t.equal(titleOf(late), 'Please start again')
  t.match(late.text, 'Your password is unchanged')
})

t.test('S19: no step can be skipped, and no other browser can take one', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  const page = await visitor.askCode(customer.email)
  const { action, fields } = visitor.formOf(page, '/code')
  const path = action.replace('/code', '/password')
  const skipped = await visitor.post(path, { ...fields, password: 'long enough 1' })
  t.equal(titleOf(skipped), 'Check your email')
  t.equal(visitor.at(), action, 'every address leads to the step of the restore')
  for (const step of ['password', 'done', 'ended', 'resend', 'nothing']) {
    await visitor.open(action.replace('/code', `/${step}`))
    t.equal(visitor.at(), action)
  }

  const proven = await visitor.submit(page, { code: await confirmationFor(inbox, page, customer.email) })
  const thief = visit()
  const own = await thief.askCode('nobody@example.com')
  const foreign = await thief.post(path, { ...thief.formOf(own).fields, password: 'long enough 1' })
  t.equal(foreign.status, 404)
  t.equal(titleOf(foreign), 'This page is no longer open')
  t.equal((await thief.open(path)).status, 404)
  const csrf = visitor.formOf(proven).fields.csrf ?? ''
  const forged = await thief.post(path, { csrf, turn: '2', password: 'long enough 1' })
  t.equal(titleOf(forged), 'Please open this page again', 'the form token of another browser')
  t.equal(await canSignIn(customer.email, customer.password), true)
})

t.test('a malformed address is refused next to the field', async (t) => {
  for (const input of ['', 'somebody', '7700900222', 'a@b', '+44', `${'a'.repeat(300)}@example.com`]) {
    const page = await visit().askCode(input)
    t.equal(page.status, 400, input)
    t.match(problemOf(page), 'Enter an email address, or a phone number')
    t.equal(formsOf(page.text)[0]?.fields.username, input)
  }
})

t.test('the paths of the version before lead to the first page', async (t) => {
  for (const step of ['begin', 'resend', 'answer', 'finish']) {
    for (const method of ['GET', 'POST']) {
      const answer = await rekey.http.send(method, `/restore/${step}`)
      t.equal(answer.status, 303)
      t.equal(answer.headers.get('location'), '/restore')
    }
  }
})

t.test(
  'the history contains the customer’s IP address, and both services log one trace id, which is not the caller’s',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    const visitor = visit()
    const page = await visitor.proveCode(inbox, customer.email)
    const callerTraceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const { action, fields } = visitor.formOf(page)
    const headers = { 'x-forwarded-for': '203.0.113.9', traceparent: `00-${callerTraceId}-00f067aa0ba902b7-01` }
    const done = await visitor.post(action, { ...fields, password: 'four words of mine' }, headers)
    t.equal(titleOf(done), 'Your password is changed')
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

t.test('logs contain no password, no address of a restore and no cookie', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const visitor = visit()
  const page = await visitor.proveCode(inbox, customer.email)
  const { action, fields } = visitor.formOf(page)
  await visitor.post(action.replace('password', 'strength'), { ...fields, password: 'unmistakable-words' })
  await visitor.submit(page, { password: 'unmistakable-words' })
  const logs = rekey.logs.join('')
  t.match(logs, '/restore/:flow/password')
  t.notMatch(logs, 'unmistakable-words')
  t.notMatch(logs, action.split('/')[2] ?? '')
  for (const value of visitor.cookies.values()) t.notMatch(logs, value)
})
