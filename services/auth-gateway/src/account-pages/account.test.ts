import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { backOfficeToken, signInTokens, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { createVisitor, formsOf, problemOf, titleOf } from '@rekey/test-support/visitor'
import t from 'tap'
import { createSessionClient } from '../sessions/sessions.fixture.ts'
import { signInToAccount, untilNewPassword } from './account.fixture.ts'

const rekey = await startRekey(t, {
  env: { REKEY_REQUIRE_CURRENT_PASSWORD: 'true', REKEY_PASSWORD_BLOCKLIST: 'true' },
})
const newCustomer = () => createCustomer(rekey.postgres.url)
const { isEndedEverywhere } = createSessionClient(rekey)

t.test('a signed-in customer changes the password with the current one (S18), and stays signed in', async (t) => {
  const customer = await newCustomer()
  const elsewhere = await signInTokens(rekey, customer)
  const { visitor } = await signInToAccount(rekey, customer)
  const page = await untilNewPassword(rekey, customer, visitor)
  t.equal(titleOf(page), 'Choose a new password')
  const set = (from: typeof page, current: string, password: string) =>
    visitor.submit(from, { current, password }, '/new')
  const empty = await set(page, '', 'four words of mine')
  t.equal(problemOf(empty), 'Enter your current password.')
  const wrong = await set(empty, 'not it', 'four words of mine')
  t.equal(problemOf(wrong), 'Your current password is not correct.')
  const refused = await set(wrong, customer.password, 'iloveyou')
  t.match(problemOf(refused), 'too easy to guess')
  t.equal((await visitor.open(visitor.at())).text, refused.text, 'a reload')
  const done = await set(refused, customer.password, 'four words of mine')
  t.equal(titleOf(done), 'Your password is changed')
  await isEndedEverywhere(t, elsewhere.access_token)
  t.ok(await signsIn(rekey, customer, 'four words of mine'))
  t.equal(titleOf(await visitor.open('/account')), 'Your account')

  const history = await visitor.open('/account/history')
  t.match(history.text, 'You changed your password')
  t.match(history.text, /\d{4} at \d\d:\d\d.*(GMT|BST)/, 'in the time zone of the customer')
  t.match(history.text, '127.0.0.1')
  t.equal(titleOf(await visitor.open('/account/password')), 'Change your password', 'it can be changed again')
})

t.test('the strength of a password is told with script and without, and is not kept', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  const { fields } = visitor.formOf(await untilNewPassword(rekey, customer, visitor), '/new')
  const body = `${new URLSearchParams({ csrf: fields.csrf ?? '', password: 'four unrelated words of mine' })}`
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await visitor.send('POST', '/account/password/strength', headers, body)
  t.match(answer.body, { score: 4, text: 'Strong.' })
  const page = await visitor.post('/account/password/strength', { ...fields, password: 'iloveyou' })
  t.match(page.text, 'Very weak')
  t.notMatch(page.text, 'iloveyou')
})

t.test('a temporary password leads straight to a new one, and to nothing else', async (t) => {
  const customer = await newCustomer()
  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  await rekey.http.send(
    'PUT',
    `/api/v2/clients/${customer.id}/password`,
    { authorization, 'content-type': 'application/json' },
    JSON.stringify({ password: 'a temporary one', send_mail: false }),
  )
  const { visitor, page } = await signInToAccount(rekey, customer, 'a temporary one')
  t.equal(titleOf(page), 'Choose a new password')
  t.match(page.text, 'You must choose a new password')
  for (const path of ['/account', '/account/history', '/account/sessions', '/account/password']) {
    t.equal(titleOf(await visitor.open(path)), 'Choose a new password', path)
  }
  const input = { current: 'a temporary one', password: 'four words of mine' }
  const done = await visitor.submit(page, input, '/new')
  t.equal(titleOf(done), 'Your password is changed')
  t.match(done.text, 'Now sign in with your new password.')
  t.equal((await visitor.submit(page, input, '/new')).text, done.text, 'a second press')
  t.equal(titleOf(await visitor.open(visitor.at())), 'Your password is changed', 'a reload')
  t.equal(titleOf(await visitor.open('/account/sign-in')), 'Sign in')
  t.equal(titleOf((await signInToAccount(rekey, customer, 'four words of mine')).page), 'Your account')
})

t.test('B12: the customer sees where the account is signed in, ends one session, then all others', async (t) => {
  const customer = await newCustomer()
  const [phone, tablet] = [await signInTokens(rekey, customer), await signInTokens(rekey, customer)]
  const { visitor } = await signInToAccount(rekey, customer)
  const page = await visitor.open('/account/sessions')
  const ends = () => formsOf(page.text).filter(({ action }) => action.endsWith('/end'))
  t.equal(ends().length, 2)
  t.match(page.text, 'This device')
  const ended = await visitor.submit(page, {}, '/end')
  t.match(ended.text, 'That device is signed out.')
  t.equal(formsOf(ended.text).filter(({ action }) => action.endsWith('/end')).length, 1)
  await isEndedEverywhere(t, tablet.access_token)
  t.match((await visitor.submit(page, {}, '/end')).text, 'That device is signed out.', 'a second press, and back')
  const alone = await visitor.submit(await visitor.open('/account/sessions'), {}, '/end-others')
  t.match(alone.text, 'All other devices are signed out.')
  t.match(alone.text, 'You are signed in nowhere else.')
  await isEndedEverywhere(t, phone.access_token)
  t.equal(titleOf(await visitor.open('/account')), 'Your account')
})

t.test('a session that ends elsewhere ends here: each page and form leads to the sign-in', async (t) => {
  const customer = await newCustomer()
  await signInTokens(rekey, customer)
  const { visitor } = await signInToAccount(rekey, customer)
  const page = await visitor.open('/account/sessions')
  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  await rekey.http.send('DELETE', `/api/v2/clients/${customer.id}/sessions`, { authorization })
  await eventually(async () => titleOf(await visitor.open('/account')) === 'Sign in', { what: 'the end' })
  for (const path of [
    '/account',
    '/account/history',
    '/account/sessions',
    '/account/password',
    '/account/password/new',
  ]) {
    t.equal(titleOf(await visitor.open(path)), 'Sign in', path)
  }
  t.equal(titleOf(await visitor.submit(page, {}, '/end-others')), 'Sign in')
})

t.test('signing out ends the session everywhere, and a second press is no error', async (t) => {
  const customer = await newCustomer()
  const { visitor, page } = await signInToAccount(rekey, customer)
  const secret = visitor.cookies.get('rekey-account') ?? ''
  t.equal(titleOf(await visitor.submit(page, {}, '/sign-out')), 'You are signed out')
  t.equal(titleOf(await visitor.submit(page, {}, '/sign-out')), 'You are signed out')
  visitor.cookies.set('rekey-account', secret)
  t.equal(titleOf(await visitor.open('/account')), 'Sign in', 'the cookie is worth nothing any more')
  const after = await signInToAccount(rekey, customer)
  t.equal(
    formsOf((await after.visitor.open('/account/sessions')).text).filter(({ action }) => action.endsWith('/end'))
      .length,
    0,
  )
})

t.test('the history has pages, and no page beyond its end', async (t) => {
  const customer = await newCustomer()
  await sql(
    rekey.postgres.url,
    `INSERT INTO password_change (customer_id, type, operation, actor, actor_id, client_id, channel, ip, create_time, previous_digest, digest)
     SELECT $1, 'changed', (ARRAY['set', 'reset'])[1 + n % 2]::change_operation, 'back_office', 'x', 'x', 'api', '203.0.113.9', now(), '', '' FROM generate_series(1, 25) n`,
    [customer.id],
  )
  const { visitor } = await signInToAccount(rekey, customer)
  const first = await visitor.open('/account/history')
  t.equal(first.text.match(/<time /g)?.length, 20)
  t.match(first.text, 'Our staff set a temporary password')
  t.match(first.text, 'Our staff asked you for a new password')
  t.notMatch(first.text, '203.0.113.9', 'the address of staff is theirs')
  t.equal((await visitor.open('/account/history?page=2')).text.match(/<time /g)?.length, 5)
  t.match((await visitor.open('/account/history?page=9')).text, 'There are no more entries.')
})

t.test('without a sign-in every page of the account leads to it', async (t) => {
  for (const path of [
    '/account',
    '/account/history',
    '/account/sessions',
    '/account/password',
    '/account/password/code',
  ]) {
    t.equal(titleOf(await createVisitor(rekey.http).open(path)), 'Sign in', path)
  }
})

t.test('S31: bad input gets a page with a clear status, never JSON or an internal error', async (t) => {
  const customer = await newCustomer()
  const { visitor } = await signInToAccount(rekey, customer)
  const { csrf = '' } = visitor.formOf(await visitor.open('/account')).fields
  const flow = 'x'.repeat(22)
  const bodies = [
    {},
    { csrf },
    { csrf, turn: '-1' },
    { csrf, turn: '1', session: 'x' },
    { csrf, turn: '1', code: 'x'.repeat(5_000) },
    { csrf, turn: '1', __proto__: 'x', 'a[]': 'x' },
    { csrf, turn: '1', flow, username: '\u0000', password: '\u0000' },
  ]
  const posts = ['sign-in', 'password/code', 'password/new', 'sessions/end', `sign-in/${flow}/code`, 'password/resend']
  for (const path of posts) {
    for (const body of bodies) {
      const answer = await visitor.post(`/account/${path}`, body as Record<string, string>)
      t.ok(answer.status < 500, `${path} ${JSON.stringify(body)}: ${answer.status}`)
      t.match(answer.headers.get('content-type'), 'text/html', path)
    }
  }
  for (const path of ['history?page=0', 'history?page=x', 'history?page=1&page=2', 'nothing', 'password/nothing']) {
    const answer = await visitor.open(`/account/${path}`)
    t.ok(answer.status < 500, `${path}: ${answer.status}`)
    t.match(answer.headers.get('content-type'), 'text/html', path)
  }
  t.equal(titleOf(await visitor.open('/account')), 'Your account')
})
