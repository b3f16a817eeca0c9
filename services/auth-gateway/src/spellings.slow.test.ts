import { CustomersGet, type CustomersGetReply, CustomersUpsert } from '@rekey/contracts'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { loginBody, messageAfter, restoreBody, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import { spelledCode, spelledEmail, spelledPhone } from '@rekey/test-support/spellings'
import { confirmationFor, createVisitor, titleOf, verificationOf } from '@rekey/test-support/visitor'
import fc from 'fast-check'
import { connect } from 'nats'
import t from 'tap'

// One reader for every entrance: what people write reaches the account and the challenge that they mean.

const rekey = await startRekey(t)
const { http } = rekey
const customer = await createCustomer(rekey.postgres.url)
const phone = { country: '44', national: customer.phone.slice(3), value: customer.phone }
const nats = await connect({ servers: rekey.nats.url })
t.teardown(() => nats.close())

const few = 3
const samples = <T>(arbitrary: fc.Arbitrary<T>): T[] => fc.sample(arbitrary, few)
const written = (): [text: string, address: string][] => [
  ...samples(spelledEmail(customer.email)).map((text): [string, string] => [text, customer.email]),
  ...samples(spelledPhone(phone)).map((text): [string, string] => [text, customer.phone]),
]

const postForm = (path: string, body: string) =>
  http.send('POST', path, { 'content-type': 'application/x-www-form-urlencoded' }, body)
const encoded = (fields: object) => new URLSearchParams(fields as Record<string, string>).toString()

const restorePath = '/oauth/v2/passwordRestore'
const challenge = '/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword'

/** Requests of a restore, by each entrance. */
const entrances = {
  'A1 as JSON': (text: string) => http.post(restorePath, restoreBody(text)),
  'A1 as a form': (text: string) => postForm(restorePath, encoded(restoreBody(text))),
  B5b: (text: string) =>
    http.get(`${challenge}&${/[@＠﹫]/.test(text) ? 'email' : 'phone'}=${encodeURIComponent(text)}`),
  'the first page': async (username: string) => {
    const page = await createVisitor(rekey.http).askCode(username)
    return { ...page, body: { verification: verificationOf(page) } }
  },
}

t.test('every spelling of an address reaches its account, by every entrance', async (t) => {
  for (const [name, send] of Object.entries(entrances)) {
    for (const [text, address] of written()) {
      const { answer, confirmation } = await messageAfter(rekey, address, () => send(text))
      t.equal(answer.status, 200, `${name}: ${JSON.stringify(text)}`)
      t.match(confirmation, /^\d{6}$/)
    }
  }
})

t.test('every spelling of an address signs in', async (t) => {
  for (const [text] of written()) {
    const body = loginBody({ email: text, password: customer.password })
    t.equal((await http.post('/oauth/v2/login', body)).status, 200, JSON.stringify(text))
    t.equal((await postForm('/oauth/v2/login', encoded(body))).status, 200, JSON.stringify(text))
  }
})

t.test('an unencoded + in a query or form is read as one', async (t) => {
  const tagged = await createCustomer(rekey.postgres.url)
  const email = tagged.email.replace('@', '+bank@')
  await sql(rekey.postgres.url, 'UPDATE identifier SET value = $1 WHERE value = $2', [email, tagged.email])
  const rawForm = (username: string) =>
    `${encoded({ ...restoreBody('x'), username: '' }).replace(/username=&?/, '')}&username=${username}`
  for (const [address, send] of [
    [customer.phone, () => http.get(`${challenge}&phone=${customer.phone}`)],
    [email, () => http.get(`${challenge}&email=${email}`)],
    [customer.phone, () => postForm(restorePath, rawForm(customer.phone))],
    [email, () => postForm(restorePath, rawForm(email))],
  ] as const) {
    const { answer } = await messageAfter(rekey, address, send)
    t.equal(answer.status, 200, address)
  }
  t.equal((await postForm(restorePath, `${encoded(restoreBody(customer.email)).replace('-3', '+3')}`)).status, 200)
})

t.test('in JSON and on a page a space is a space', async (t) => {
  const national = customer.phone.slice(1)
  for (const username of [` ${national}`, national, customer.email.replace('t', 't ')]) {
    t.equal((await http.post(restorePath, restoreBody(username))).status, 400, username)
    t.equal((await createVisitor(rekey.http).askCode(username)).status, 400, username)
  }
})

const call = async <Reply>(subject: string, request: object) =>
  (await nats.request(subject, JSON.stringify(request), { timeout: 60_000 })).json<Reply>()
const get = (username: string) => call<CustomersGetReply>(CustomersGet.subject, { username })

t.test('the platform’s RPCs read the same spellings, and store the one form', async (t) => {
  for (const [text] of written())
    t.match(await get(text), { found: true, customer: customer.code }, JSON.stringify(text))
  const identifiers = [spelledEmail(customer.email), spelledPhone(phone)].map((spelling) => ({
    value: fc.sample(spelling, 1)[0],
    verified: true,
  }))
  const stored = await call(CustomersUpsert.subject, { customer: customer.code, identifiers })
  t.match(stored, { stored: true, created: false })
  t.match(await get(customer.email), { identifiers: [{ value: customer.email }, { value: customer.phone }] })
})

/** A restore's challenge and its code. */
const ask = async (username = customer.email) => {
  const { answer, confirmation } = await messageAfter(rekey, username, () =>
    http.post(restorePath, restoreBody(username)),
  )
  return { token: String(answer.body.mfa_token), confirmation }
}
const askBroker = async () => {
  const { answer, confirmation } = await messageAfter(rekey, customer.email, () =>
    http.get(`${challenge}&email=${customer.email}`),
  )
  return { token: String(answer.body.token), confirmation }
}
const verifyPath = '/oauth/v2/passwordRestoreVerification'

/** Submissions of a code, by each entrance. */
const submissions: Record<
  string,
  () => Promise<{ confirmation: string; submit: (code: string) => Promise<{ status: number; text: string }> }>
> = {
  'A2 as JSON': async () => {
    const { token, confirmation } = await ask()
    return { confirmation, submit: (code) => http.post(verifyPath, verificationBody(token, code)) }
  },
  'A2 as a form': async () => {
    const { token, confirmation } = await ask()
    return { confirmation, submit: (code) => postForm(verifyPath, encoded(verificationBody(token, code))) }
  },
  B6: async () => {
    const { token, confirmation } = await askBroker()
    return { confirmation, submit: (code) => http.post('/api/v2/my/2fa/challenge', { token, code }) }
  },
  'the second page': async () => {
    const visitor = createVisitor(rekey.http)
    const page = await visitor.askCode(customer.email)
    const confirmation = await confirmationFor(rekey.inbox, page, customer.email)
    return { confirmation, submit: (code) => visitor.submit(page, { code }) }
  },
}

const isAccepted = ({ status, text }: { status: number; text: string }) =>
  status === 200 && !text.includes('role="alert"')

t.test('every spelling of a code is accepted, by every entrance', async (t) => {
  for (const [name, open] of Object.entries(submissions)) {
    for (let sample = 0; sample < few; sample += 1) {
      const { confirmation, submit } = await open()
      const [code = ''] = fc.sample(spelledCode(confirmation), 1)
      t.ok(isAccepted(await submit(code)), `${name}: ${JSON.stringify(code)}`)
    }
  }
})

t.test('A5 reads the code of a sign-in in every spelling', async (t) => {
  for (let sample = 0; sample < few; sample += 1) {
    const { body } = await http.post<{ mfa_token: string; challenge_type: string[] }>(
      '/oauth/v2/login',
      loginBody(customer),
    )
    const { answer, confirmation } = await messageAfter(rekey, customer.email, () =>
      http.post('/oauth/v2/challenge', {
        challenge_type: body.challenge_type[0],
        client_timezone: '\u22123',
        mfa_token: body.mfa_token,
        response_type: 'code',
        state: restoreBody('x').state,
      }),
    )
    const [code = ''] = fc.sample(spelledCode(confirmation), 1)
    const fields = { grant_type: 'mfa_oob', mfa_token: String(answer.body.mfa_token), code }
    t.equal((await postForm('/oauth/v2/token', encoded(fields))).status, 200, JSON.stringify(code))
  }
})

t.test('a code that has lost its leading zeros is accepted, by every entrance', async (t) => {
  for (const [name, open] of Object.entries(submissions)) {
    let asked = await open()
    while (!asked.confirmation.startsWith('0')) asked = await open()
    t.ok(isAccepted(await asked.submit(String(Number(asked.confirmation)))), name)
  }
})

t.test('a wrong code stays wrong in every spelling', async (t) => {
  const { token, confirmation } = await ask()
  const wrong = confirmation.replaceAll(/\d/g, (digit) => String((Number(digit) + 1) % 10))
  const [code = ''] = fc.sample(spelledCode(wrong), 1)
  t.equal((await http.post(verifyPath, verificationBody(token, code))).status, 400)
  const page = await createVisitor(rekey.http).askCode('nobody')
  t.equal(titleOf(page), 'Reset your password')
})
