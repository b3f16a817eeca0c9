import { audiences, scopes } from '@rekey/contracts'
import { startPasswordService } from '@rekey/test-support/password-service'
import t, { type Test } from 'tap'
import { sha1Of, startRangeApi } from './breach.fixture.ts'

const vendor = await startRangeApi(t)
const leaked = 'a phrase that leaked'
vendor.leak(leaked)

const service = await startPasswordService(t, {
  env: {
    REKEY_PASSWORD_BLOCKLIST: 'true',
    REKEY_BREACH_URL: vendor.url,
    REKEY_BREACH_TIMEOUT_MS: '2000',
    REKEY_BRAND: 'Acme Bank',
    REKEY_HASH_CONCURRENCY: '1',
    REKEY_HASH_QUEUE: '1',
  },
})
const { http, bearer, grant } = service
/** Claims that make a token of a restore both an access token and a grant. */
const accessToken = { aud: [audiences.api, audiences.grant], session_epoch: undefined }
type Customer = Awaited<ReturnType<typeof service.customer>>

const good = 'four words of mine'
const refusedPasswords = (customer: Customer) => ({
  short: { password: 'a1!', codes: ['too_short'] },
  long: { password: 'x '.repeat(65), codes: ['too_long', 'common'] },
  common: { password: 'Password123', codes: ['common'] },
  'common and short': { password: 'aaa', codes: ['too_short', 'common'] },
  brand: { password: 'AcmeBank2026!', codes: ['context_word'] },
  name: { password: `${customer.code}-99`, codes: ['context_word'] },
  address: { password: customer.addresses[0] ?? '', codes: ['context_word'] },
  phone: { password: '07700900456!', codes: ['context_word'] },
  leaked: { password: leaked, codes: ['breached'] },
})

/** The four endpoints that set a password. Each function obtains one grant and returns a request that reuses it. */
const endpoints = {
  B1: async (customer: Customer) => {
    const headers = { authorization: bearer(customer.code), successToken: grant('change', customer.code) }
    return (password: string) => http.post('/api/v2/my/password/change', { password }, headers)
  },
  B2: async (customer: Customer) => {
    const headers = { successToken: grant('restore', await service.restoreOf(customer.id)) }
    return (password: string) => http.post('/api/v2/my/password/restore', { password }, headers)
  },
  A3: async (customer: Customer) => {
    const authorization = `Bearer ${grant('restore', await service.restoreOf(customer.id), accessToken)}`
    const common = { client_timezone: '-3', ip: '::1', response_type: 'access_token', source_system: 'IB' }
    return (password: string) => http.post('/oauth/v2/passwordRestoreReset', { ...common, password }, { authorization })
  },
  B7: async (customer: Customer) => {
    const authorization = bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' })
    return (password: string) =>
      http.send(
        'PUT',
        `/api/v2/clients/${customer.id}/password`,
        { authorization, 'content-type': 'application/json' },
        JSON.stringify({ password, send_mail: false }),
      )
  },
}

const newCustomer = () => service.customer({ phones: ['+447700900456'] })
/** Frees the phone number for the next customer. */
const deleteIdentifiers = () => service.query('DELETE FROM identifier')

for (const [name, prepare] of Object.entries(endpoints)) {
  t.test(`S16 ${name} answers why a password is refused, and the grant sets a better one`, async (t: Test) => {
    await deleteIdentifiers()
    const customer = await newCustomer()
    const send = await prepare(customer)
    for (const [what, { password, codes }] of Object.entries(refusedPasswords(customer))) {
      const answer = await send(password)
      if (name === 'A3') {
        t.equal(answer.status, 400, what)
        t.match(answer.body, { error: 'invalid_request', error_description: /^The password (must|is) / })
        continue
      }
      t.equal(answer.status, 422, what)
      t.equal(answer.body.code, 'password_refused')
      t.match(
        answer.body.errors,
        codes.map((code) => ({ field: 'password', code, message: /^(must|is) / })),
        what,
      )
    }
    t.equal((await service.query('SELECT 1 FROM password_change WHERE customer_id = $1', [customer.id])).length, 0)
    const done = await send(good)
    t.equal(done.status, name === 'A3' ? 200 : 204)
  })
}

t.test(
  'S16 a password that breaks a rule is not looked up; for any other five characters of the digest are sent',
  async (t) => {
    await deleteIdentifiers()
    const customer = await newCustomer()
    const send = await endpoints.B2(customer)
    vendor.requests.length = 0
    await send('Password123')
    await send('short')
    t.equal(vendor.requests.length, 0)
    t.equal((await send(good)).status, 204)
    t.same(
      vendor.requests.map(({ url }) => url),
      [`/range/${sha1Of(good).slice(0, 5)}`],
    )
  },
)

t.test('S14 without a grant the answer gives no reason, and nothing is looked up', async (t) => {
  vendor.requests.length = 0
  for (const password of ['a', 'Password123', leaked, good]) {
    const answer = await http.post('/api/v2/my/password/restore', { password }, { successToken: 'none' })
    t.equal(answer.status, 403)
    t.notOk('errors' in answer.body)
  }
  t.equal(vendor.requests.length, 0)
})

t.test('S16 a failure of the vendor accepts a leaked password, and is logged', async (t) => {
  vendor.answerWith((response) => void response.writeHead(500).end())
  t.teardown(() => vendor.answerWith())
  await deleteIdentifiers()
  const send = await endpoints.B2(await newCustomer())
  t.equal((await send(leaked)).status, 204)
  t.match(service.logged('breach_lookup_fail').at(-1), { severity: 'warn', reason: 'status 500' })
  t.notOk(service.logs().includes(leaked))
})

t.test('a password that breaks a rule is not hashed: it takes no place in the queue', async (t) => {
  await deleteIdentifiers()
  const customer = await newCustomer()
  const send = await endpoints.B2(customer)
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, number) => send(number % 2 ? 'Password123' : `Acme ${number}`)),
  )
  t.same([...new Set(answers.map(({ status }) => status))], [422])
})

/** Restores a password at another instance. */
const restoreAt = async (url: string, password: string) => {
  const { id } = await service.customer()
  const answer = await fetch(`${url}/api/v2/my/password/restore`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', successToken: grant('restore', await service.restoreOf(id)) },
    body: JSON.stringify({ password }),
  })
  return { status: answer.status, body: answer.status === 204 ? {} : await answer.json() }
}

t.test('S15 at least 15 characters are required if a sign-in needs no second factor', async (t) => {
  const { url } = await service.startAnother({ REKEY_SIGN_IN_MFA: 'false' })
  t.match(await restoreAt(url, 'fourteen chars'), {
    status: 422,
    body: { errors: [{ code: 'too_short', message: 'must have at least 15 characters' }] },
  })
  t.equal((await restoreAt(url, 'fifteen  chars!')).status, 204)
})

t.test(
  'S16 by default production refuses common passwords, and the sandbox accepts those of the published examples',
  async (t) => {
    const unset = { REKEY_PASSWORD_BLOCKLIST: '', REKEY_BREACH_URL: '' }
    const production = await service.startAnother({ ...unset, REKEY_PROFILE: 'production' })
    t.match(await restoreAt(production.url, 'Qwerty123'), { status: 422, body: { errors: [{ code: 'common' }] } })
    const sandbox = await service.startAnother(unset)
    t.equal((await restoreAt(sandbox.url, 'Qwerty123')).status, 204)
  },
)
