import { audiences, PasswordVerify, SessionRevoked, scopes } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import { patiently } from '@rekey/test-support/patiently'
import t from 'tap'

const service = await startPasswordService(t, { env: { REKEY_PASSWORD_MIN_LENGTH: '20' } })
const { http, bearer, grant, query, clock } = service
type Customer = Awaited<ReturnType<typeof service.customer>>

const url = '/oauth/v2/passwordRestoreReset'
const password = 'a password of my own'
const body = { client_timezone: '-3', ip: '198.51.100.9', response_type: 'code', source_system: 'IB' }

/** The access token of a restore, which is its grant. */
const restoreToken = (challengeId: string, more: object = {}) =>
  grant('restore', challengeId, { aud: [audiences.api, audiences.grant], session_epoch: undefined, ...more })
const reset = (token: string, more: object = {}, headers: object = {}) =>
  http.post(url, { ...body, ...more }, { authorization: `Bearer ${token}`, ...headers })

const verifiedRestore = async (options: Parameters<typeof service.customer>[0] = {}) => {
  const customer = await service.customer(options)
  const challengeId = await service.restoreOf(customer.id)
  return { customer, challengeId, token: restoreToken(challengeId) }
}
const changesOf = ({ id }: Customer) => query('SELECT * FROM password_change WHERE customer_id = $1 ORDER BY id', [id])
const credentialOf = async ({ id }: Customer) =>
  (await query('SELECT * FROM credential WHERE customer_id = $1', [id]))[0]
const verify = ({ addresses: [username = ''] }: Customer, attempt: string) =>
  callRpc(service.broker, PasswordVerify, { username, password: attempt })

/** The temporary password that the notifier would send. */
const mailed = async (customer: Customer) => {
  await service.outboxEmpty()
  const notifications = await service.events('NOTIFY', customer.code)
  const notification = notifications.findLast(({ type }) => type === 'notify.temporary-password')
  const id = notification?.id ?? ''
  return {
    types: notifications.map(({ type }) => type),
    data: notification?.data ?? {},
    recipient: await service.openAddress(id, notification?.data.recipient ?? ''),
    password: await service.openAddress<string>(id, notification?.data.password ?? ''),
  }
}

t.test('A3 with a password sets it: 200 with an empty object, and a restore in history and events', async (t) => {
  const { customer, token } = await verifiedRestore()
  const answer = await reset(token, { password }, { 'x-forwarded-for': '203.0.113.7' })
  t.equal(answer.status, 200)
  t.equal(answer.text, '{}')
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(await changesOf(customer), [
    { type: 'restored', operation: 'restore', actor: 'client', actor_id: customer.code, ip: '203.0.113.7' },
  ])
  t.match(await verify(customer, password), { verified: true, mustChange: false })
  await service.outboxEmpty()
  t.match(await service.events('PASSWORD', customer.code), [
    { type: 'password.restored', data: { sessionEpoch: Number } },
  ])
  t.match(service.logged('authn_password_restore').at(-1), {
    customer: customer.code,
    address: '203.0.113.7',
    claimedIp: '198.51.100.9',
  })
})

t.test(
  'A3 without a password replaces the old one by a random temporary one, which is sent and valid for a day',
  async (t) => {
    const { customer, token } = await verifiedRestore({ phones: ['+447700900321'] })
    await query(`INSERT INTO credential (customer_id, hash, updated_at) VALUES ($1, 'the old hash', now())`, [
      customer.id,
    ])
    const answer = await reset(token)
    t.equal(answer.status, 200)
    t.equal(answer.text, '{}')
    t.match(await credentialOf(customer), { hash: /^\$argon2id/, must_change: true })
    t.match(await changesOf(customer), [{ type: 'restored', operation: 'reset', actor: 'client' }])

    const sent = await mailed(customer)
    t.same(sent.types, ['notify.password-changed', 'notify.password-changed', 'notify.temporary-password'])
    t.match(sent.recipient, { channel: 'email', to: customer.addresses[0] })
    t.match(sent.data, { setBy: 'client' })
    t.match(sent.password, /^[abcdefghjkmnpqrstuvwxyz23456789]{20}$/, 'of the length that the policy requires')
    t.match(await verify(customer, sent.password), { verified: true, mustChange: true })
    t.match(await service.events('PASSWORD', customer.code), [{ type: 'password.reset', data: { actor: 'client' } }])
    t.match(service.logged('authn_temporary_password_issued').at(-1), {
      customer: customer.code,
      clientId: 'ib_localhost',
    })

    clock.advance(24 * 3_600_000 - 60_000)
    t.match(await verify(customer, sent.password), { verified: true })
    clock.advance(60_001)
    t.match(await verify(customer, sent.password), { verified: false })
  },
)

t.test('without an e-mail address a temporary password is sent by SMS; each is different', async (t) => {
  const sent = []
  for (const phone of ['+447700900331', '+447700900332']) {
    const { customer, token } = await verifiedRestore({ emails: [], phones: [phone] })
    t.equal((await reset(token)).status, 200)
    const message = await mailed(customer)
    t.match(message.recipient, { channel: 'sms', to: phone })
    sent.push(message.password)
  }
  t.equal(new Set(sent).size, 2)
})

t.test('A3 accepts a form and JSON', async (t) => {
  const { customer, token } = await verifiedRestore()
  const headers = { 'content-type': 'application/x-www-form-urlencoded', authorization: `bearer ${token}` }
  const form = new URLSearchParams({ ...body, password }).toString()
  const answer = await http.send('POST', url, headers, form)
  t.equal(answer.status, 200)
  t.equal(answer.text, '{}')
  t.match(await verify(customer, password), { verified: true })
})

t.test('S19: A3: every invalid token gets the same 401', async (t) => {
  const { challengeId, token } = await verifiedRestore()
  t.equal((await reset(token, { password })).status, 200)
  const blocked = await verifiedRestore({ status: 'blocked' })
  const silent = await verifiedRestore({ emails: [], unconfirmed: ['silent.reset@example.com'] })
  const signedIn = await service.customer()
  const cases: Record<string, ReturnType<typeof reset>> = {
    spent: reset(token, { password }),
    'spent, without a password': reset(token),
    expired: reset(restoreToken(challengeId, { exp: Math.floor(clock.now().getTime() / 1_000) - 1 })),
    'not signed': reset('a.b.c'),
    'of a challenge that is nobody’s': reset(restoreToken(systemRandom.id())),
    blocked: reset(blocked.token),
    'without an address to send to': reset(silent.token),
    'a sign token': reset(grant('restore', await service.restoreOf(signedIn.id))),
    'no grant': reset(restoreToken(challengeId, { aud: [audiences.api] })),
    'without a purpose': reset(restoreToken(challengeId, { purpose: undefined })),
    'for a change': reset(restoreToken(challengeId, { purpose: 'change' })),
  }
  const answers = await Promise.all(Object.entries(cases).map(async ([name, sent]) => ({ name, ...(await sent) })))
  for (const { name, status, text, headers } of answers) {
    t.equal(status, 401, name)
    t.equal(text, answers[0]?.text, `${name}: the same bytes`)
    t.equal(headers.get('www-authenticate'), 'Bearer realm="rekey", error="invalid_token"', name)
  }
  t.same(Object.keys(answers[0]?.body ?? {}), ['error', 'error_description'])
  t.equal(answers[0]?.body.error, 'invalid_token')

  const missing = await http.post(url, body)
  t.equal(missing.status, 401)
  t.equal(missing.headers.get('www-authenticate'), 'Bearer realm="rekey"', 'RFC 6750 §3.1: no code without a token')
})

t.test('A3 with a token of another scope answers 400 invalid_scope', async (t) => {
  const customer = await service.customer()
  for (const scope of [scopes.full, scopes.change, scopes.backOffice]) {
    const answer = await http.post(url, body, { authorization: bearer(customer.code, scope) })
    t.equal(answer.status, 400)
    t.same(answer.body, { error: 'invalid_scope', error_description: 'Invalid scope.' })
  }
})

t.test('S15: A3: a refused password gets every reason, and the grant is not spent', async (t) => {
  const { token } = await verifiedRestore()
  const short = await reset(token, { password: 'too short' })
  t.equal(short.status, 400)
  t.same(short.body, {
    error: 'invalid_request',
    error_description: 'The password must have at least 20 characters.',
  })
  t.match((await reset(token, { password: 'x'.repeat(129) })).body, { error: 'invalid_request' })
  t.equal((await reset(token, { password })).status, 200)
})

t.test('A3 refuses an unknown response_type', async (t) => {
  const { token } = await verifiedRestore()
  const answer = await reset(token, { response_type: 'magic' })
  t.equal(answer.status, 400)
  t.equal(answer.body.error, 'unsupported_response_type')
  for (const response_type of ['access_token', 'sign_token']) {
    t.equal((await reset((await verifiedRestore()).token, { response_type })).status, 200)
  }
})

t.test('S19: A3: of fifty requests at once, with a password or without, one succeeds', async (t) => {
  for (const more of [{ password }, {}]) {
    const { customer, token } = await verifiedRestore()
    const answers = await race(50, () => reset(token, more))
    // A busy machine may answer 503 to all of them.
    if (answers.every(({ status }) => status === 503)) answers.push(await patiently(() => reset(token, more)))
    t.equal(answers.filter(({ status }) => status === 200).length, 1)
    const refusals = answers.filter(({ status }) => status !== 200)
    // On a busy machine the hash queue refuses some: they set no password either.
    t.ok(refusals.every(({ body }) => ['invalid_token', 'temporarily_unavailable'].includes(String(body.error))))
    t.equal((await changesOf(customer)).length, 1)
  }
})

t.test('S19: of A3 and B2 with the same grant one succeeds', async (t) => {
  const { customer, token } = await verifiedRestore()
  const answers = await Promise.all([
    reset(token),
    http.post('/api/v2/my/password/restore', { password }, { successToken: token }),
  ])
  t.equal(answers.filter(({ status }) => status < 300).length, 1)
  t.equal((await changesOf(customer)).length, 1)
})

t.test('S19: A3 ends the restores that began before it', async (t) => {
  const { customer, token } = await verifiedRestore()
  const other = restoreToken(await service.restoreOf(customer.id))
  t.equal((await reset(token)).status, 200)
  t.equal((await reset(other)).status, 401)
})

t.test('S19: the access token of a restore is refused everywhere else', async (t) => {
  const { customer, token } = await verifiedRestore()
  const authorization = `Bearer ${token}`
  const answers = await Promise.all([
    http.get('/api/v2/my/password/changes', { authorization }),
    http.get('/api/v2/my/password/changes/1', { authorization }),
    http.post('/api/v2/my/password/change', { password }, { authorization, successToken: token }),
    http.get(`/api/v2/clients/${customer.id}/password/changes`, { authorization }),
    http.send('DELETE', `/api/v2/clients/${customer.id}/hold`, { authorization }),
  ])
  for (const { status, body } of answers) {
    t.equal(status, 403)
    t.equal(body.code, 'insufficient_scope')
  }
  t.same(await changesOf(customer), [])
})

t.test('S20: a restore signs nobody in: no token, no cookie, and all sessions end', async (t) => {
  const { customer, token } = await verifiedRestore()
  const before = bearer(customer.code, scopes.full, { session_epoch: 0 })
  const done = await reset(token, { password })
  const byHeader = await http.post(
    '/api/v2/my/password/restore',
    { password },
    { successToken: grant('restore', await service.restoreOf(customer.id)) },
  )
  t.same([done.text, byHeader.text], ['{}', ''])
  for (const { headers } of [done, byHeader]) {
    t.equal(headers.get('set-cookie'), null)
    t.equal(headers.get('authorization'), null)
  }
  t.equal((await http.get('/api/v2/my/password/changes', { authorization: before })).status, 401)
  t.equal((await http.get('/api/v2/my/password/changes', { authorization: `Bearer ${token}` })).status, 403)
})

t.test('S21: A3: a restore whose session was revoked is refused, and the password is unchanged', async (t) => {
  const { customer, challengeId } = await verifiedRestore()
  const sid = systemRandom.id()
  const token = restoreToken(challengeId, { sid })
  await service.publisher.publish(SessionRevoked, {
    id: systemRandom.id(),
    subject: challengeId,
    data: { sessionId: sid, subject: challengeId, clientId: 'ib_localhost', reason: 'code_replayed' },
  })
  await eventually(async () => (await reset(token, { password: 'short' })).status === 401)
  t.equal(await credentialOf(customer), undefined)
})

t.test('S24: A3: if the event of the temporary password cannot be written, nothing is', async (t) => {
  const { customer, token } = await verifiedRestore()
  await query(`ALTER TABLE outbox ADD CONSTRAINT none CHECK (type <> 'notify.temporary-password') NOT VALID`)
  const answer = await reset(token)
  t.equal(answer.status, 500)
  t.equal(answer.body.error, 'server_error')
  await query('ALTER TABLE outbox DROP CONSTRAINT none')
  t.equal(await credentialOf(customer), undefined)
  t.same(await changesOf(customer), [])
  t.equal((await reset(token)).status, 200, 'the token was not spent')
})

t.test('S35: A3: neither the password nor the token is in the log or the database', async (t) => {
  const { customer, token } = await verifiedRestore()
  t.equal((await reset(token)).status, 200)
  const sent = await mailed(customer)
  for (const place of [service.logs(), JSON.stringify(await query('SELECT * FROM outbox'))]) {
    t.notOk(place.includes(sent.password))
    t.notOk(place.includes(token))
  }
})
