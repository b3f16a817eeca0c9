import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { addressOf, askRestore, codesOf, signsIn } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { exampleStarter } from './run-example.fixture.ts'

t.setTimeout(300_000)

const rekey = await startRekey(t)
const { start, run } = exampleStarter(t, rekey)
const newCustomer = () => createCustomer(rekey.postgres.url)

/** The URL that an example prints once it listens. */
const urlOf = async (example: ReturnType<typeof start>) => (await example.prints(/http:\/\/localhost:\d+/))[0]

/** A browser of the bank: keeps the cookie of its session. */
const createBrowser = (bank: string) => {
  let cookie = ''
  return async (path: string, body: object = {}) => {
    const response = await fetch(bank + path, { method: 'POST', body: JSON.stringify(body), headers: { cookie } })
    cookie ||= response.headers.get('set-cookie')?.split(';')[0] ?? ''
    return { status: response.status, body: (await response.json()) as Record<string, string> }
  }
}

/** Does what sends a code, and waits for the message. */
const codeAfter = async (address: string, send: () => Promise<unknown>) => {
  const seen = new Set((await rekey.inbox.messagesTo(address)).map(({ ID }) => ID))
  await send()
  const isNew = async () =>
    (await rekey.inbox.messagesTo(address)).find((one) => !seen.has(one.ID) && codesOf(one).confirmation)
  return codesOf(await eventually(isNew, { what: `a code for ${address}` })).confirmation
}

t.test('bank-backend.ts restores a password, signs in and changes it; the browser gets no token', async (t) => {
  const customer: TestCustomer = await newCustomer()
  const { email } = customer
  const bank = createBrowser(await urlOf(start('bank-backend.ts', [], { PORT: '0' })))

  const code = await codeAfter(email, async () => {
    t.match(await bank('/forgot', { username: email }), { status: 200, body: { verificationCode: /^\d{4}$/ } })
  })
  t.same(await bank('/forgot/confirm', { code: '000000' }), {
    status: 400,
    body: { code: 'invalid_grant', fields: [] },
  })
  t.same(await bank('/forgot/confirm', { code }), { status: 200, body: {} })
  t.match(await bank('/forgot/password', { password: 'short' }), {
    status: 422,
    body: { code: 'password_refused', fields: [{ code: 'too_short' }] },
  })
  t.same(await bank('/forgot/password', { password: 'a new password' }), { status: 200, body: {} })
  t.same((await bank('/forgot/password', { password: 'another one' })).status, 400, 'a grant is used once')

  let device = ''
  const credentials = { username: email, password: 'a new password' }
  // The restore was by mail: the code of the sign-in goes to the phone.
  const signIn = await codeAfter(customer.phone, async () => {
    device = (await bank('/sign-in', credentials)).body.device ?? ''
  })
  t.equal(addressOf(device, customer), customer.phone)
  t.same(await bank('/sign-in/confirm', { code: signIn }), { status: 200, body: {} })
  const change = await codeAfter(email, () => bank('/change'))
  t.same(await bank('/change/confirm', { code: change, password: 'the newest password' }), { status: 200, body: {} })
  t.ok(await signsIn(rekey, customer, 'the newest password'))
})

t.test('staff.ts shows a customer and what became of the messages, and resets the password for a reason', async (t) => {
  const { code, email, id } = await newCustomer()
  await askRestore(rekey, email)
  const shown = await run('staff.ts', [email])
  t.match(shown, `${code} (id ${id}) is active.`)
  t.match(
    shown,
    /^Messages in the last 30 days: 1\.\n {2}2\S+ {2}code \(restore\) by email to \S+: (waiting|handed_over)/m,
  )
  t.match(await run('staff.ts', [email, 'the customer lost the phone']), /^Signed out everywhere/m)
  t.match(await run('staff.ts', [email]), 'The password must be changed at the next sign-in.')
  await t.rejects(run('staff.ts', ['nobody@example.com']), /nobody@example.com is no customer's address/)
})

t.test('restore-page/serve.ts serves the page, its script and the client as one module', async (t) => {
  const url = await urlOf(start('restore-page/serve.ts', [], { PORT: '0' }))
  const get = async (path: string) => {
    const response = await fetch(url + path)
    return { type: response.headers.get('content-type'), text: await response.text() }
  }
  t.match(await get('/'), { type: /^text\/html/, text: '<script type="module" src="restore.js">' })
  t.match(await get('/restore.js'), { type: /^text\/javascript/, text: "from '@rekey/client'" })
  t.match(await get('/rekey-client.js'), {
    type: /^text\/javascript/,
    text: /export \{ RekeyError, createClient, secondProofOf \}/,
  })
})
