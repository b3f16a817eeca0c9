import { audiences, scopes } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { cheapHash } from '@rekey/test-support/limits'
import { startPasswordService } from '@rekey/test-support/password-service'
import t from 'tap'

const service = await startPasswordService(t)
const { http, bearer, grant, query, clock } = service

const password = 'Qwerty123'
const restore = (successToken: string, body: object = { password }, headers: object = {}) =>
  http.post('/api/v2/my/password/restore', body, { successToken, ...headers })
const change = (customer: { code: string }, successToken: string, body: object = { password }) =>
  http.post('/api/v2/my/password/change', body, { authorization: bearer(customer.code), successToken })

const verifiedRestore = async (more: object = {}) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  return { customer, challengeId, token: grant('restore', challengeId, more) }
}
const changesOf = ({ id }: { id: number }) =>
  query('SELECT * FROM password_change WHERE customer_id = $1 ORDER BY id', [id])

t.test('a restore answers 204 without a body, and the history names the client as its actor', async (t) => {
  const { customer, token } = await verifiedRestore()
  const answer = await restore(token, undefined, { 'x-forwarded-for': '203.0.113.7' })
  t.equal(answer.status, 204)
  t.equal(answer.text, '')
  t.equal(answer.headers.get('content-type'), null)
  t.match(await changesOf(customer), [
    {
      type: 'restored',
      operation: 'restore',
      actor: 'client',
      actor_id: customer.code,
      client_id: 'ib_localhost',
      channel: 'api',
      ip: '203.0.113.7',
    },
  ])
  const [stored] = await query<{ hash: string }>('SELECT hash FROM credential WHERE customer_id = $1', [customer.id])
  t.match(stored?.hash, cheapHash)
})

t.test('a change answers 204 without a body, and has the type `restored` in the history', async (t) => {
  const customer = await service.customer()
  const answer = await change(customer, grant('change', customer.code))
  t.equal(answer.status, 204)
  t.equal(answer.text, '')
  t.match(await changesOf(customer), [{ type: 'restored', operation: 'change', actor: 'client' }])
})

t.test('a bearer with the scope of a change may change, one with the scope of a restore may not', async (t) => {
  const customer = await service.customer()
  const send = (scope: string) =>
    http.post(
      '/api/v2/my/password/change',
      { password },
      { authorization: bearer(customer.code, scope), successToken: grant('change', customer.code) },
    )
  const refused = await send(scopes.restore)
  t.equal(refused.status, 403)
  t.equal(refused.body.code, 'insufficient_scope')
  t.equal((await send(scopes.change)).status, 204)
})

t.test('S19: a success token is spent once even when fifty requests race', async (t) => {
  const { customer, token } = await verifiedRestore()
  const answers = await Promise.all(Array.from({ length: 50 }, () => restore(token)))
  t.equal(answers.filter(({ status }) => status === 204).length, 1)
  const refusals = answers.filter(({ status }) => status !== 204).map(({ body }) => String(body.code))
  // On a busy machine the hash queue refuses some: they set no password either.
  t.ok(refusals.every((code) => ['success_token_refused', 'unavailable'].includes(code)))
  t.equal((await changesOf(customer)).length, 1)
})

t.test('S19: one token that two customers use at once works for one of them', async (t) => {
  const jti = systemRandom.id()
  const first = await verifiedRestore({ jti })
  const second = await verifiedRestore({ jti })
  const statuses = await Promise.all([restore(first.token), restore(second.token)])
  t.same(statuses.map(({ status }) => status).sort(), [204, 403])
})

t.test('S15: a weak password is refused with its reason, and the token is not spent', async (t) => {
  const { token } = await verifiedRestore()
  const short = await restore(token, { password: '1234567' })
  t.equal(short.status, 422)
  t.match(short.body, { code: 'password_refused', errors: [{ field: 'password', code: 'too_short' }] })
  const long = await restore(token, { password: 'x'.repeat(129) })
  t.match(long.body, { code: 'password_refused', errors: [{ field: 'password', code: 'too_long' }] })
  t.equal((await restore(token, { password: '\u{1F511}'.repeat(128) })).status, 204, '128 code points of any script')
})

t.test('S19: a new password ends the restores that began before it', async (t) => {
  const { customer, token } = await verifiedRestore()
  const [other, third] = [await service.restoreOf(customer.id), await service.restoreOf(customer.id)]
  const answers = await Promise.all([token, grant('restore', other)].map((one) => restore(one)))
  t.same(answers.map(({ status }) => status).sort(), [204, 403], 'of two at once one succeeds')
  t.equal((await restore(grant('restore', third))).status, 403)
  const after = await service.restoreOf(customer.id)
  t.equal((await restore(grant('restore', after))).status, 204, 'a later restore succeeds')
})

t.test('S14: a request without a valid token learns nothing about the policy', async (t) => {
  const answer = await restore('none', { password: '1' })
  t.equal(answer.status, 403)
})

t.test('S19: every invalid success token gets the same answer', async (t) => {
  const { customer, challengeId, token } = await verifiedRestore()
  const other = await service.customer()
  const blocked = await service.customer({ status: 'blocked' })
  const blockedRestore = await service.restoreOf(blocked.id)
  await restore(token)

  const own = () => grant('change', customer.code)
  const spentChange = own()
  t.equal((await change(customer, spentChange)).status, 204)
  const flipped = own()
  const cases: Record<string, ReturnType<typeof restore>> = {
    spent: restore(token),
    'spent by a change': change(customer, spentChange),
    'missing at a restore': http.post('/api/v2/my/password/restore', { password }),
    'missing at a change': http.post(
      '/api/v2/my/password/change',
      { password },
      { authorization: bearer(customer.code) },
    ),
    'for a change, at a restore': restore(grant('change', customer.code)),
    'for a restore, at a change': change(customer, grant('restore', challengeId)),
    "another person's": change(customer, grant('change', other.code)),
    'of a challenge that is nobody’s': restore(grant('restore', systemRandom.id())),
    'of nobody': change({ code: 'nobody' }, grant('change', 'nobody')),
    'blocked at a restore': restore(grant('restore', blockedRestore)),
    'blocked at a change': change(blocked, grant('change', blocked.code)),
    'an access token alone': restore(grant('restore', challengeId, { aud: [audiences.api] })),
    'of another issuer': restore(grant('restore', challengeId, { iss: 'https://elsewhere.example' })),
    'without a purpose': restore(grant('restore', challengeId, { purpose: undefined })),
    'with a jti that is no UUID': restore(grant('restore', challengeId, { jti: "' OR 1=1" })),
    'with a challenge that is no UUID': restore(grant('restore', 'x', { challenge_id: 'x' })),
    'without an algorithm': restore(grant('restore', challengeId, {}, { alg: 'none' })),
    'of an unknown key': restore(grant('restore', challengeId, {}, { kid: 'unknown' })),
    'with another type': restore(grant('restore', challengeId, {}, { typ: 'JWT' })),
    'with another signature': change(customer, `${flipped.slice(0, -6)}AAAAAA`),
  }
  const answers = await Promise.all(Object.entries(cases).map(async ([name, answer]) => ({ name, ...(await answer) })))
  const [expected] = answers
  for (const { name, status, text } of answers) {
    t.equal(status, 403, name)
    t.equal(text, expected?.text, `${name}: the same bytes`)
  }
})

t.test('S19: an expired token is refused', async (t) => {
  const { token } = await verifiedRestore()
  clock.advance(601_000)
  t.equal((await restore(token)).status, 403)
})

t.test('S19: a grant is refused as an API bearer', async (t) => {
  const customer = await service.customer()
  const authorization = `Bearer ${grant('change', customer.code, { scope: scopes.full })}`
  const answer = await http.get('/api/v2/my/password/changes', { authorization })
  t.equal(answer.status, 401)
  t.match(answer.headers.get('www-authenticate'), /error="invalid_token"/)
})

t.test('S15: composed and decomposed text are the same password', async (t) => {
  const { customer, token } = await verifiedRestore()
  t.equal((await restore(token, { password: 'cafe\u0301 cafe\u0301' })).status, 204)
  const answer = await change(customer, grant('change', customer.code), {
    password,
    currentPassword: 'caf\u00e9 caf\u00e9',
  })
  t.equal(answer.status, 204)
})

t.test('a current password is verified if it is sent; a wrong one does not spend the token', async (t) => {
  const { customer, token } = await verifiedRestore()
  await restore(token)
  const successToken = grant('change', customer.code)
  const wrong = await change(customer, successToken, { password: 'Another 1', currentPassword: 'wrong' })
  t.equal(wrong.status, 422)
  t.match(wrong.body, { code: 'current_password_wrong', errors: [{ field: 'currentPassword' }] })
  const right = await change(customer, successToken, { password: 'Another 1', currentPassword: password })
  t.equal(right.status, 204)
})

t.test('S35: logs contain the outcome, and no password, token, code or address', async (t) => {
  const { customer, challengeId, token } = await verifiedRestore()
  const secret = 'Planted-Secret-1'
  await restore(token, { password: secret })
  await restore(token, { password: secret })
  const about = { customer: customer.code, actor: 'client', clientId: 'ib_localhost', channel: 'api' }
  t.match(
    service.logged('authn_password_restore').find((line) => line.customer === customer.code),
    { ...about, severity: 'info', address: '127.0.0.1', challenge: /^[0-9a-f]{16}$/, traceId: /^[0-9a-f]{32}$/ },
  )
  t.ok(service.logged('authn_password_restore_fail').some(({ reason }) => reason === 'spent'))
  t.ok(service.logged('authn_password_change_fail').some(({ reason }) => reason === 'another customer'))
  const logs = service.logs()
  for (const planted of [secret, password, token, challengeId, customer.addresses[0] ?? '', '$argon2']) {
    t.notOk(logs.includes(planted), planted)
  }
})
