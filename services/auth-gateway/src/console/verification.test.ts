import { createCustomer, sql } from '@rekey/test-support/customers'
import { backOfficeToken } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { createDesk, formOf, titleOf } from './console.fixture.ts'
import { readVerifications } from './verification.fixture.ts'

const rekey = await startRekey(t, { staffConsole: true, env: { REKEY_STAFF_NEEDS_PROOF: 'true' } })

const signedIn = async (name: 'staff-1' | 'staff-2') => {
  const desk = createDesk(rekey)
  await desk.signIn(name, name === 'staff-1' ? '111111' : '222222')
  return desk
}
const [one, other] = [await signedIn('staff-1'), await signedIn('staff-2')]

const path = ({ id }: { id: number }) => `/staff/customers/${id}`
const wordsOf = ({ text }: { text: string }) => /<p class="words">([^<]+)<\/p>/.exec(text)?.[1]
const wrong = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')

/** Begins a verification by mail. @returns the page with the words */
const begin = async (customer: { id: number }, desk = one) =>
  desk.submit(await desk.go(`${path(customer)}/verify`), '/verify', { channel: 'email' })

t.test(
  'S59: the page shows the words of the message, and the code verifies for the person who entered it',
  async (t) => {
    const customer = await createCustomer(rekey.postgres.url)
    t.match((await one.go(path(customer))).text, 'Not verified by you')
    const step = await begin(customer)
    t.equal(titleOf(step), `Verify ${customer.code}`)
    const [read] = await readVerifications(rekey, customer.email)
    t.equal(wordsOf(step), read?.words)
    t.notMatch(step.text, read?.code ?? '')
    const home = await one.submit(step, '/verify/', { code: ` ${read?.code.slice(0, 3)} ${read?.code.slice(3)}` })
    t.equal(home.url, `${rekey.url}${path(customer)}`)
    t.match(home.text, 'Verified by you')
    t.notMatch(home.text, 'Not verified by you')
    t.match(home.text, 'Customer verified', 'in the history')
    t.match((await other.go(path(customer))).text, 'Not verified by you')

    const act = await one.go(`${path(customer)}/reset`)
    t.match(act.text, 'You verified this customer. It counts until')
    const done = await one.submit(act, '/reset', { reason: 'lost phone' })
    t.equal(titleOf(done), `${customer.code} must choose a new password`)
  },
)

t.test('S59: without a verification an act says what to do, and waits for a second person', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const act = await one.go(`${path(customer)}/reset`)
  t.match(act.text, 'You have not verified who is calling.')
  t.match(act.text, `href="${path(customer)}/verify"`)
  t.match(act.text, 'the customer is told that we did not verify the caller')
  const waiting = await one.submit(act, '/reset', { reason: 'no phone at hand' })
  t.equal(titleOf(waiting), 'A second person must approve it')
  const approval = /href="(\/staff\/approvals\/[^"]*)"/.exec(waiting.text)?.[1] ?? ''
  const others = await other.go(`${approval}/approve`)
  t.match(others.text, /Customer verified<\/dt><dd>No</)
  const approved = await other.submit(others, '/approve', { reason: 'seen the passport' })
  t.equal(titleOf(approved), `Approved: Demand a new password: ${customer.code}`)
  // An act that protects the customer needs no proof.
  t.notMatch((await one.go(`${path(customer)}/block`)).text, 'You have not verified')
})

t.test('a second press sends no second message, and spends no second attempt', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const choose = await one.go(`${path(customer)}/verify`)
  const press = () => one.submit(choose, '/verify', { channel: 'email' })
  const steps = await Promise.all([press(), press(), press()])
  t.equal(new Set(steps.map(({ url }) => url)).size, 1)
  const [step] = steps
  if (!step) throw new Error('no page')
  t.equal(wordsOf(await one.go(step.url)), wordsOf(step), 'a reload shows the same words')
  const [{ code = '' } = {}] = await readVerifications(rekey, customer.email)
  const rows = await sql(rekey.postgres.url, 'SELECT id FROM verification WHERE customer_id = $1', [customer.id])
  t.equal(rows.length, 1)
  const confirm = () => one.submit(step, '/verify/', { code })
  for (const page of await Promise.all([confirm(), confirm(), confirm()])) {
    t.match(page, { status: 200, url: `${rekey.url}${path(customer)}`, text: 'Verified by you' })
  }
  t.equal((await one.go(step.url)).url, `${rekey.url}${path(customer)}`, 'the way back')
})

t.test('a wrong code can be entered again, until there were five', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const step = await begin(customer)
  const [{ code = '' } = {}] = await readVerifications(rekey, customer.email)
  for (const [entered, text] of [
    ['', 'Enter the digits of the code.'],
    ['no idea', 'Enter the digits of the code.'],
    [wrong(code), 'This code is wrong'],
    [wrong(code), 'This code is wrong'],
    [wrong(code), 'This code is wrong'],
    [wrong(code), 'This code is wrong'],
    [wrong(code), 'This code is wrong'],
    [code, 'Too many codes were wrong. Begin again.'],
  ] as const) {
    const answer = await one.submit(step, '/verify/', { code: entered })
    t.match(answer, { status: 400, text }, text)
    t.match(answer.text, 'aria-invalid="true"')
    t.equal(wordsOf(answer), wordsOf(step))
  }
})

t.test('S38: another person, another browser and another site get nowhere', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  const step = await begin(customer)
  t.equal((await other.go(step.url)).status, 404)
  const [{ code = '' } = {}] = await readVerifications(rekey, customer.email)
  const { action, fields } = formOf(step, '/verify/')
  const csrf = formOf(await other.go('/staff'), '/staff/customers').fields.csrf ?? ''
  t.equal((await other.post(action, { ...fields, csrf, code })).status, 404)
  const foreign = await one.go(action, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'cross-site' },
    body: new URLSearchParams({ ...fields, code }).toString(),
  })
  t.equal(foreign.status, 403)
  const elsewhere = await createCustomer(rekey.postgres.url)
  t.equal((await one.go(step.url.replace(`/${customer.id}/`, `/${elsewhere.id}/`))).status, 404)
  t.match(await one.submit(step, '/verify/', { code }), { text: 'Verified by you' })
})

t.test('a customer whom nothing verifies is left to a second person', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  await sql(rekey.postgres.url, 'UPDATE identifier SET young_since = now() WHERE customer_id = $1', [customer.id])
  t.match((await one.go(`${path(customer)}/verify`)).text, 'This customer cannot be verified at the moment.')
  t.match((await one.go(`${path(customer)}/reset`)).text, 'This customer cannot be verified at the moment.')
  t.equal((await one.go('/staff/customers/999999/verify')).status, 404)
})

t.test('C7: the page of a customer lists the second factors, which staff can remove', async (t) => {
  const customer = await createCustomer(rekey.postgres.url)
  t.match((await one.go(path(customer))).text, 'None enrolled.')
  t.notMatch((await one.go(path(customer))).text, 'Remove the second factors')
  await sql(
    rekey.postgres.url,
    `INSERT INTO factor (id, customer_id, kind, label, sealed_secret, seal_key_id, created_at, confirmed_at)
     VALUES (gen_random_uuid(), $1, 'totp', 'Blue phone', 'none', '', now(), now())`,
    [customer.id],
  )
  t.match((await one.go(path(customer))).text, /Authenticator app “Blue phone”<\/bdi> <span class="badge open">New/)
  const act = await one.go(`${path(customer)}/reset-factors`)
  t.match(act.text, 'Withdrawals have to wait after that.')
  const waiting = await one.submit(act, '/reset-factors', { reason: 'a lost phone' })
  const approval = /href="(\/staff\/approvals\/[^"]*)"/.exec(waiting.text)?.[1] ?? ''
  t.match((await one.go(`${path(customer)}/reset-factors`)).text, 'staff-1 asked for this already')
  await other.submit(await other.go(`${approval}/approve`), '/approve', { reason: 'agreed' })
  const authorization = `Bearer ${await backOfficeToken(rekey)}`
  t.match((await rekey.http.get(`/api/v2/clients/${customer.id}/factors`, { authorization })).body, { total: 0 })
})
