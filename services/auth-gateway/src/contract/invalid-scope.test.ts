import { http as contracts } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { askLogin, askRestore, loginBody, restoreBody, signInTokens, verificationBody } from '@rekey/test-support/flows'
import { startRekey } from '@rekey/test-support/rekey'
import fc from 'fast-check'
import t from 'tap'

// RFC 6749 §5.2: invalid_scope answers a scope that is invalid, unknown, malformed, or exceeds what was granted.
const rekey = await startRekey(t)
const { http } = rekey
const customer = await createCustomer(rekey.postgres.url)

const backOffice = { client_id: 'backend_fin', client_secret: 'secretkey' }
const restore = await askRestore(rekey, customer.email)
const login = await askLogin(rekey, customer)
const { refresh_token } = await signInTokens(rekey, customer)
const mfa = { mfa_token: login.answer.body.mfa_token, code: login.confirmation }

/** Each request that a scope is a parameter of, and the scopes that it may have. */
const requests: [path: string, body: object, ...scopes: string[]][] = [
  ['/oauth/v2/passwordRestore', restoreBody('nobody@example.com'), 'CUSTOMER:PASSWORD:RESTORE'],
  [
    '/oauth/v2/passwordRestoreVerification',
    verificationBody(restore.answer.body.mfa_token, restore.confirmation),
    'CUSTOMER:PASSWORD:RESTORE',
  ],
  ['/oauth/v2/login', loginBody(customer), 'CUSTOMER:FULL', 'CUSTOMER:PASSWORD:CHANGE'],
  ['/oauth/v2/token', { grant_type: 'client_credentials', ...backOffice }, 'REST:FULL'],
  ['/oauth/v2/token', { grant_type: 'mfa_oob', ...mfa }, 'CUSTOMER:FULL'],
  ['/oauth/v2/token', { grant_type: 'refresh_token', refresh_token, client_id: 'ib_localhost' }, 'CUSTOMER:FULL'],
]

t.test('every request with a scope is in the table', (t) => {
  const withScope = Object.entries(contracts).flatMap(([route, schema]) =>
    'body' in schema && 'scope' in schema.body.properties ? [route.replace('POST ', '')] : [],
  )
  t.same([...new Set(requests.map(([path]) => path))].sort(), withScope.sort())
  t.end()
})

t.test('a scope that is unknown, malformed or not granted is answered invalid_scope, and spends nothing', async (t) => {
  const known = ['CUSTOMER:FULL', 'CUSTOMER:PASSWORD:RESTORE', 'CUSTOMER:PASSWORD:CHANGE', 'REST:FULL']
  const bad = fc.oneof(
    fc.constantFrom(...known, 'openid', 'a"b', 'a\\b', ' a', 'a ', 'a  b', 'é', '\r\n', 'x'.repeat(513)),
    fc.subarray(known, { minLength: 2 }).map((scopes) => scopes.join(' ')),
    fc.string({ minLength: 1, unit: 'binary' }).map((text) => text.toWellFormed()),
  )
  for (const [path, body, ...own] of requests) {
    const isBad = (scope: string) => scope !== '' && !scope.split(' ').every((item) => own.includes(item))
    await fc.assert(
      fc.asyncProperty(bad.filter(isBad), async (scope) => {
        const { status, body: answer } = await http.post(path, { ...body, scope })
        t.match({ status, answer }, { status: 400, answer: { error: 'invalid_scope' } }, `${path} ${scope}`)
        t.match(answer.error_description, /^(Invalid scope\.|scope is malformed\.|scope must .*\.)$/)
      }),
      { numRuns: 30 },
    )
    const { status } = await http.post(path, { ...body, scope: own[0] })
    t.ok(status === 200 || status === 503, `${path}: the right scope is accepted afterwards`)
  }
  for (const scope of [1, [], {}, ['CUSTOMER:FULL']]) {
    const answer = await http.post('/oauth/v2/passwordRestore', { ...restoreBody('nobody@example.com'), scope })
    t.match(answer, { status: 400, body: { error: 'invalid_scope' } })
  }
})
