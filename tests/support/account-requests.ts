import { createCustomer, sql } from './customers.ts'
import type { Answer } from './http.ts'
import type { PublicRequest } from './public-requests.ts'
import type { Rekey } from './rekey.ts'
import { confirmationFor, createVisitor, type Visitor } from './visitor.ts'

type AccountRekey = Pick<Rekey, 'http' | 'inbox' | 'postgres'>

/** The page for the code of a sign-in; of a customer with two devices the page before it. */
const startSignIn = async (visitor: Visitor, { email: username, password }: { email: string; password: string }) =>
  visitor.submit(await visitor.open('/account/sign-in'), { username, password })

const chooseEmail = (visitor: Visitor, page: Answer) =>
  visitor.submit(page, { device: /value="(oob:email[^"]*)"/.exec(page.text)?.[1] ?? '' }, '/device')

/** Signs a customer in on the account pages. @returns the page that the browser is on */
export const signInToAccount = async (
  { inbox }: Pick<Rekey, 'inbox'>,
  visitor: Visitor,
  customer: { email: string; password: string },
): Promise<Answer> => {
  for (;;) {
    const page = await chooseEmail(visitor, await startSignIn(visitor, customer))
    const signedIn = await visitor.submit(page, { code: await confirmationFor(inbox, page, customer.email) }, '/code')
    // On a busy machine the broker may answer too late: the code is spent then.
    if (visitor.cookies.get('rekey-account')) return signedIn
  }
}

/** A valid request for each route of the account pages, with new customers. Each is good for one use. */
export const createAccountRequests = async (rekey: AccountRekey): Promise<Record<string, PublicRequest>> => {
  const { http, postgres } = rekey
  const [one, two, three, four] = await Promise.all([1, 2, 3, 4].map(() => createCustomer(postgres.url)))
  if (!one || !two || !three || !four) throw new Error('no customers')
  await sql(postgres.url, 'UPDATE credential SET must_change = true WHERE customer_id = $1', [four.id])

  const requestOf = (visitor: Visitor, page: Answer, input: Record<string, string> = {}, action?: string) => {
    const form = visitor.formOf(page, action)
    const cookie = [...visitor.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { path: form.action, headers: { cookie }, form: { ...form.fields, ...input } }
  }
  const [choosing, waiting, signedIn, changing] = [1, 2, 3, 4].map(() => createVisitor(http)) as [
    Visitor,
    Visitor,
    Visitor,
    Visitor,
  ]
  const start = await choosing.open('/account/sign-in')
  const devices = await startSignIn(choosing, one)
  const code = await chooseEmail(waiting, await startSignIn(waiting, two))
  const atCode = waiting.at()
  const home = await signInToAccount(rekey, signedIn, three)
  const change = await signedIn.open('/account/password')
  const sessions = requestOf(signedIn, change)
  /** Forms of one turn: the change begins with the first of them. */
  const ofChange = (path: string, input: Record<string, string> = {}) => ({
    ...sessions,
    path,
    form: { ...sessions.form, ...input },
  })
  const ofSecurity = (path: string, input: Record<string, string> = {}) => ofChange(`/account/security${path}`, input)
  const factor = '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11'
  const newPassword = requestOf(
    changing,
    await signInToAccount(rekey, changing, four),
    { current: 'not it', password: 'Qwerty-12345' },
    '/new',
  )
  const ofCustomer = { needsNone: 'for the browser of a signed-in customer' }
  const leads = { needsNone: 'without a cookie a redirect to the sign-in' }
  const device = /value="(oob:email[^"]*)"/.exec(devices.text)?.[1] ?? ''
  return {
    'GET /account': { path: '/account', ...leads },
    'GET /account/history': { path: '/account/history', ...leads },
    'GET /account/sessions': { path: '/account/sessions', ...leads },
    'GET /account/security': { path: '/account/security', ...leads },
    'GET /account/security/:step': { path: '/account/security/list', ...leads },
    'GET /account/password': { path: '/account/password', ...leads },
    'GET /account/password/:step': { path: '/account/password/code', ...leads },
    'GET /account/*': { path: '/account/nothing', needsNone: 'a page without a look-up' },
    'GET /account/signed-out': { path: '/account/signed-out', needsNone: 'a page without a look-up' },
    'GET /account/sign-in': { path: '/account/sign-in', needsNone: 'a page without a look-up' },
    'GET /account/sign-in/:flow/:step': { path: atCode, needsNone: 'one read in Redis by a random key' },
    'POST /account/sign-in': {
      ...requestOf(choosing, start, { username: 't.unknown@example.com', password: 'x' }),
      spends: 'login',
    },
    'POST /account/sign-in/:flow/device': { ...requestOf(choosing, devices, { device }), spends: 'code' },
    'POST /account/sign-in/:flow/code': { ...requestOf(waiting, code, { code: '000001' }, '/code'), spends: 'answer' },
    'POST /account/sign-in/:flow/resend': { ...requestOf(waiting, code, {}, '/resend'), spends: 'code' },
    'POST /account/sign-in/:flow/other': {
      ...requestOf(waiting, code, {}, '/other'),
      needsNone: 'one step of a state in Redis, by a random key',
    },
    'POST /account/password': { ...ofChange('/account/password'), spends: 'code' },
    'POST /account/password/resend': { ...ofChange('/account/password/resend'), spends: 'code' },
    'POST /account/password/code': { ...ofChange('/account/password/code', { code: '000001' }), spends: 'answer' },
    'POST /account/password/proof': { ...ofChange('/account/password/proof', { way: 'otp' }), ...ofCustomer },
    'POST /account/password/proof-other': { ...ofChange('/account/password/proof-other'), ...ofCustomer },
    'POST /account/password/proof-code': {
      ...ofChange('/account/password/proof-code', { code: '000001' }),
      ...ofCustomer,
    },
    'POST /account/password/new': { ...newPassword, spends: 'password' },
    'POST /account/password/strength': {
      ...newPassword,
      path: '/account/password/strength',
      spends: 'password',
    },
    'POST /account/security': { ...ofSecurity(''), spends: 'code' },
    'POST /account/security/resend': { ...ofSecurity('/resend'), spends: 'code' },
    'POST /account/security/code': { ...ofSecurity('/code', { code: '000001' }), spends: 'answer' },
    'POST /account/security/way': { ...ofSecurity('/way', { way: 'oob:email' }), ...ofCustomer },
    'POST /account/security/other': { ...ofSecurity('/other'), ...ofCustomer },
    'POST /account/security/name': { ...ofSecurity('/name', { label: 'My phone' }), ...ofCustomer },
    'POST /account/security/new-passkey': {
      ...ofSecurity('/new-passkey', { label: 'My phone', code: '{}' }),
      ...ofCustomer,
    },
    'POST /account/security/app': { ...ofSecurity('/app', { factor, code: '000001' }), ...ofCustomer },
    'POST /account/security/codes': { ...ofSecurity('/codes'), ...ofCustomer },
    'POST /account/security/codes-file': { ...ofSecurity('/codes-file'), ...ofCustomer },
    'POST /account/security/codes-saved': { ...ofSecurity('/codes-saved'), ...ofCustomer },
    'POST /account/security/removal': { ...ofSecurity('/removal', { factor }), ...ofCustomer },
    'POST /account/security/remove': { ...ofSecurity('/remove', { factor }), ...ofCustomer },
    'POST /account/security/add': { ...ofSecurity('/add'), spends: 'code' },
    'POST /account/security/passkey': { ...ofSecurity('/passkey'), spends: 'code' },
    'POST /account/security/issue': { ...ofSecurity('/issue'), spends: 'code' },
    'POST /account/sessions/end': {
      ...ofChange('/account/sessions/end', { session: '019ac0de-7c1a-7bbf-9d42-0f7f6a3a2b11' }),
      ...ofCustomer,
    },
    'POST /account/sessions/end-others': { ...ofChange('/account/sessions/end-others'), ...ofCustomer },
    'POST /account/sign-out': { ...requestOf(signedIn, home, {}, '/sign-out'), ...ofCustomer },
  }
}
