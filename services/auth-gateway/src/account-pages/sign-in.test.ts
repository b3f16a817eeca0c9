import { createCustomer } from '@rekey/test-support/customers'
import { wrongCode } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { confirmationFor, createVisitor, problemOf, titleOf, verificationOf } from '@rekey/test-support/visitor'
import { Redis } from 'ioredis'
import t from 'tap'
import { signInToAccount, signInUntilCode } from './account.fixture.ts'

const rekey = await startRekey(t, { gatewayEnv: { REKEY_RESEND_SECONDS: '1' } })
const newCustomer = () => createCustomer(rekey.postgres.url)
const form = { 'content-type': 'application/x-www-form-urlencoded' }

t.test('a customer signs in by password, device and code, and sees the account', async (t) => {
  const customer = await newCustomer()
  const { visitor, page } = await signInToAccount(rekey, customer)
  t.equal(titleOf(page), 'Your account')
  t.match(page.text, customer.email)
  t.equal(visitor.at(), '/account')
  t.equal(titleOf(await visitor.open('/account/sign-in')), 'Your account', 'who is signed in is not asked again')
})

t.test('A6: the well-known path for changing passwords leads to the change, after the sign-in', async (t) => {
  const customer = await newCustomer()
  const visitor = createVisitor(rekey.http)
  const { headers } = await visitor.send('GET', '/.well-known/change-password')
  t.equal(headers.get('location'), `${rekey.url}/account/password`)
  const start = await visitor.open('/account/password')
  t.equal(titleOf(start), 'Sign in')
  t.match(start.text, '<a href="/restore">', 'who forgot the password restores it')
  const wrong = await visitor.submit(start, { username: customer.email, password: 'wrong' })
  t.match(problemOf(wrong), 'not correct')
  const chosen = await visitor.submit(wrong, { username: customer.email, password: customer.password })
  const device = /value="(oob:email[^"]*)"/.exec(chosen.text)?.[1] ?? ''
  const page = await visitor.submit(chosen, { device }, '/device')
  const changing = await visitor.submit(
    page,
    { code: await confirmationFor(rekey.inbox, page, customer.email) },
    '/code',
  )
  t.equal(visitor.at(), '/account/password')
  t.equal(titleOf(changing), 'Change your password')
  t.equal(titleOf(await visitor.open('/account/sign-in?next=password')), 'Change your password')
  for (const next of ['https://evil.example', '//evil.example', 'history']) {
    const elsewhere = await visitor.send('GET', `/account/sign-in?${new URLSearchParams({ next })}`)
    t.equal(elsewhere.headers.get('location'), '/account')
  }
})

t.test('S11: a wrong password and an unknown user get the same page', async (t) => {
  const customer = await newCustomer()
  const pages = await Promise.all(
    [customer.email, 'nobody@example.com'].map(async (username) => {
      const visitor = createVisitor(rekey.http)
      const page = await visitor.submit(await visitor.open('/account/sign-in'), {
        username,
        password: 'wrong',
      })
      t.equal(problemOf(page), 'These sign-in details are not correct. Check them and try again.')
      return page.text
        .replaceAll(username, '')
        .replaceAll(/value="([\w-]{43}|\d+)"/g, '')
        .replaceAll(/[\w-]{22}(?=[/"])/g, '')
    }),
  )
  t.equal(pages[0], pages[1])
})

t.test('a wrong input repeats the step, and a reload shows it again', async (t) => {
  const customer = await newCustomer()
  const visitor = createVisitor(rekey.http)
  const start = await visitor.open('/account/sign-in')
  const malformed = await visitor.submit(start, { username: 'no address', password: 'x' })
  t.match(problemOf(malformed), 'Enter an email address')
  t.match(malformed.text, 'value="no address"')
  const empty = await visitor.submit(malformed, { username: customer.email, password: '' })
  t.equal(problemOf(empty), 'Enter your password.')
  t.equal((await visitor.open(visitor.at())).text, empty.text, 'a reload')
  const { page, confirmation } = await signInUntilCode(rekey, customer, visitor)
  const wrong = await visitor.submit(page, { code: wrongCode(confirmation) }, '/code')
  t.match(problemOf(wrong), 'This code is not correct')
  const other = await visitor.submit(wrong, { code: verificationOf(wrong) }, '/code')
  t.match(problemOf(other), 'This is the verification code')
  t.equal((await visitor.open(`${visitor.at()}?lang=de`)).text.includes('lang="de"'), true)
  t.equal(titleOf(await visitor.submit(other, { code: confirmation }, '/code')), 'Ihr Konto')
})

t.test('two presses of each button do once what one press does', async (t) => {
  const customer = await newCustomer()
  const visitor = createVisitor(rekey.http)
  const twice = async (page: Parameters<typeof visitor.formOf>[0], action: string, input: Record<string, string>) => {
    const { action: path, fields } = visitor.formOf(page, action)
    const body = `${new URLSearchParams({ ...fields, ...input })}`
    const [first, second] = await Promise.all([
      visitor.send('POST', path, form, body),
      visitor.send('POST', path, form, body),
    ])
    t.equal(first.status, 303)
    t.equal(first.headers.get('location'), second.headers.get('location'))
    return { second, page: await visitor.open(String(second.headers.get('location'))) }
  }
  const start = await visitor.open('/account/sign-in')
  const { email: username, password } = customer
  const { page: devices } = await twice(start, '/account/sign-in', { username, password })
  t.equal(titleOf(devices), 'Where should we send your code?')
  const device = /value="(oob:email[^"]*)"/.exec(devices.text)?.[1] ?? ''
  const { page: code } = await twice(devices, '/device', { device })
  t.equal((await rekey.inbox.messagesTo(customer.email)).length <= 1, true, 'one code')
  const confirmation = await confirmationFor(rekey.inbox, code, customer.email)
  const { second, page } = await twice(code, '/code', { code: confirmation })
  t.equal(titleOf(page), 'Your account')
  t.ok(
    second.headers.getSetCookie().some((line) => line.startsWith('rekey-account=')),
    'the answer that counts has the cookie',
  )
  t.equal((await rekey.inbox.messagesTo(customer.email)).length, 1)
})

t.test('another device can be chosen, and a new code replaces the old one', async (t) => {
  const customer = await newCustomer()
  const visitor = createVisitor(rekey.http)
  const { page, confirmation } = await signInUntilCode(rekey, customer, visitor)
  const devices = await visitor.submit(page, {}, '/other')
  t.equal(titleOf(devices), 'Where should we send your code?')
  rekey.clock.advance(2_000)
  const device = /value="(oob:sms[^"]*)"/.exec(devices.text)?.[1] ?? ''
  const phone = await visitor.submit(devices, { device }, '/device')
  t.equal(titleOf(phone), 'Check your phone')
  t.match(problemOf(await visitor.submit(phone, { code: confirmation }, '/code')), 'not correct')
  rekey.clock.advance(2_000)
  const again = await visitor.submit(await visitor.open(visitor.at()), {}, '/resend')
  t.match(again.text, 'We have sent a new code')
  rekey.clock.advance(11 * 60_000)
  t.equal(titleOf(await visitor.open(visitor.at())), 'Your code has expired')
})

t.test('S5: five wrong codes end the sign-in', async (t) => {
  const visitor = createVisitor(rekey.http)
  let { page, confirmation } = await signInUntilCode(rekey, await newCustomer(), visitor)
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const code = String((Number(confirmation) + attempt + 1) % 1_000_000).padStart(6, '0')
    page = await visitor.submit(page, { code }, '/code')
  }
  t.equal(titleOf(page), 'Please start again')
  t.match(page.text, 'too many wrong codes')
})

t.test('S34, S40: cookies are for this host and not for scripts; Redis has neither secret nor token', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  const answer = await visitor.send('GET', '/account/password')
  for (const line of answer.headers.getSetCookie()) t.match(line, /HttpOnly; SameSite=Lax/i)
  const secret = visitor.cookies.get('rekey-account') ?? ''
  const redis = new Redis(rekey.redis.url)
  t.teardown(() => redis.disconnect())
  for (const key of await redis.keys('*:page:*')) {
    const stored = JSON.stringify([key, await redis.hgetall(key)])
    for (const hidden of [secret, customer.email, customer.code]) t.notOk(stored.includes(hidden), key)
  }
  const [key = ''] = await redis.keys('*:page:account')
  t.ok((await redis.pttl(key)) <= 15 * 60_000)
})

t.test('ASVS 7.2.4: a sign-in gets a new secret, which the cookie from before it does not find', async (t) => {
  const customer = await newCustomer()
  const visitor = createVisitor(rekey.http)
  const { page, confirmation } = await signInUntilCode(rekey, customer, visitor)
  const thief = createVisitor(rekey.http)
  for (const [name, value] of visitor.cookies) thief.cookies.set(name, value)
  await visitor.submit(page, { code: confirmation }, '/code')
  const stolen = await thief.submit(page, { code: wrongCode(confirmation) }, '/code')
  t.equal(titleOf(stolen), 'Sign in')
  t.equal(titleOf(await thief.open('/account')), 'Sign in')
})

t.test('ASVS 7.3: a sign-in ends when it is idle, and after an hour', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  rekey.clock.advance(59 * 60_000)
  t.equal(titleOf(await visitor.open('/account')), 'Your account')
  rekey.clock.advance(2 * 60_000)
  const ended = await visitor.open('/account')
  t.equal(titleOf(ended), 'Sign in')
  t.match(ended.text, 'You were signed out')
})

t.test('S34: a form without the token of its browser does nothing', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  for (const path of ['/account/sign-out', '/account/sessions/end-others', '/account/password', '/account/sign-in']) {
    const { status } = await visitor.post(path, { csrf: 'x', turn: '1' })
    t.equal(status, 400, path)
  }
  t.equal(titleOf(await visitor.open('/account')), 'Your account')
})
