import type { Factor } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { codeOf, startWithFactors } from './factors.fixture.ts'

const service = await startWithFactors(t)
const { bearer, clock, grant, http, list, prove, query, step } = service

type Customer = { id: number; code: string; addresses: string[] }

/** Headers of a request of a customer with the grant of a fresh proof. */
const asCustomer = ({ code }: { code: string }, successToken = grant('changeFactors', code)) => ({
  authorization: bearer(code),
  successToken,
})
const factors = '/api/v2/my/factors'
const enrol = (customer: Customer, headers = asCustomer(customer), label = 'My phone') =>
  http.post<{ id: string; secret: string; uri: string; qr: string }>(`${factors}/totp`, { label }, headers)
const confirm = (id: string, code: string | number, headers: Record<string, string>) =>
  http.post(`${factors}/totp/${id}/confirm`, { code }, headers)
const issue = (customer: Customer, headers = asCustomer(customer)) =>
  http.send<{ codes: string[] }>('POST', `${factors}/recovery-codes`, headers)
const remove = (id: string, headers: Record<string, string>) => http.send('DELETE', `${factors}/${id}`, headers)
const listed = async (customer: { code: string }, headers = asCustomer(customer)) =>
  (await http.get<{ total: number; data: Factor[] }>(factors, headers)).body.data

/** Enrols and confirms an authenticator app. */
const enrolled = async (customer: Customer) => {
  const headers = asCustomer(customer)
  const { body } = await enrol(customer, headers)
  const answer = await confirm(body.id, codeOf(body, step()), headers)
  return { ...body, answer, headers }
}

const factorEvents = async ({ code }: Customer) =>
  (await service.events('PASSWORD', code)).filter(({ type }) => type?.startsWith('customer.factor'))
const notified = async ({ code }: Customer) =>
  (await service.events('NOTIFY', code)).filter(({ type }) => type === 'notify.factors-changed')

t.test('C2, C3: an authenticator app is in force once its code is confirmed, with one proof for both', async (t) => {
  const customer = await service.customer()
  const headers = asCustomer(customer)
  const { status, body } = await enrol(customer, headers)
  t.equal(status, 201)
  t.match(body, { secret: /^[A-Z2-7]{32}$/, qr: /^<svg / })
  t.match(body.uri, `secret=${body.secret}`)
  t.same(await listed(customer, headers), [], 'not in force yet')
  t.same(await list(customer.code), { methods: [], recoveryCodesLeft: 0 })
  const code = codeOf(body, step())
  t.equal(await prove(customer, 'totp', code), false, 'proves nothing yet')

  t.equal((await confirm(body.id, code, headers)).status, 204)
  t.match(await listed(customer, headers), [{ id: body.id, kind: 'totp', label: 'My phone', young: true }])
  t.same(await list(customer.code), { methods: ['totp'], recoveryCodesLeft: 0 })
  t.equal(await prove(customer, 'totp', code), false, 'S54: the code that confirmed it is used up')
  clock.advance(30_000)
  t.equal(await prove(customer, 'totp', codeOf(body, step())), true)
  clock.advance(72 * 3_600_000)
  const [old] = await listed(customer)
  t.match(old, { young: false, lastUsedAt: String })
})

t.test('C3: a wrong code is refused, changes nothing and spends nothing', async (t) => {
  const customer = await service.customer()
  const headers = asCustomer(customer)
  const { body } = await enrol(customer, headers)
  const now = step()
  for (const code of [codeOf(body, now + 6), codeOf(body, now - 6), '000000', 1]) {
    t.match(await confirm(body.id, code, headers), { status: 400, body: { code: 'invalid_grant' } })
  }
  t.same(await list(customer.code), { methods: [], recoveryCodesLeft: 0 })
  t.equal((await confirm(body.id, codeOf(body, now), headers)).status, 204)
})

t.test('C3: a phone whose clock is off is enrolled, and proves by its own clock later', async (t) => {
  for (const offset of [-5, 5]) {
    const customer = await service.customer()
    const headers = asCustomer(customer)
    const { body } = await enrol(customer, headers)
    t.equal((await confirm(body.id, codeOf(body, step() + offset), headers)).status, 204)
    clock.advance(30_000)
    t.equal(await prove(customer, 'totp', codeOf(body, step() + offset)), true, `${offset} steps`)
  }
})

t.test('C2: another enrolment ends one that was not confirmed, and one is confirmed within an hour', async (t) => {
  const customer = await service.customer()
  const headers = asCustomer(customer)
  const { body: first } = await enrol(customer, headers)
  const { body: second } = await enrol(customer, headers)
  t.match(await confirm(first.id, codeOf(first, step()), headers), { status: 404 })
  clock.advance(3_601_000)
  const later = asCustomer(customer)
  t.match(await confirm(second.id, codeOf(second, step()), later), { status: 404, body: { code: 'not_found' } })
})

t.test('C2: a customer has five authenticator apps at most', async (t) => {
  const customer = await service.customer()
  for (let count = 0; count < 5; count += 1) t.equal((await enrolled(customer)).answer.status, 204)
  t.match(await enrol(customer), { status: 400, body: { code: 'invalid_request', detail: /5 authenticator apps/ } })
})

t.test('S55: recovery codes are shown once, and new ones replace all earlier ones', async (t) => {
  const customer = await service.customer()
  const { status, body: first } = await issue(customer)
  t.equal(status, 201)
  t.equal(new Set(first.codes).size, 10)
  t.match(await listed(customer), [{ kind: 'recovery_codes', codesLeft: 10 }])
  const { body: second } = await issue(customer)
  t.equal(await prove(customer, 'recovery_code', first.codes[0] ?? ''), false, 'a replaced one')
  t.equal(await prove(customer, 'recovery_code', second.codes[0] ?? ''), true)
  t.match(await listed(customer), [{ kind: 'recovery_codes', codesLeft: 9, lastUsedAt: String }])
  await eventually(async () => (await factorEvents(customer)).length === 2, { what: 'the events' })
  const [issued, replaced] = await factorEvents(customer)
  t.match(replaced, { type: 'customer.factor-added', data: { replaced: issued?.data.factorId } })
  const operations = (await notified(customer)).map(({ data }) => data.operation)
  t.same(operations, ['recovery_codes_issued', 'recovery_codes_replaced'], 'it is told')
})

t.test('C6: a removed factor proves nothing any more', async (t) => {
  const customer = await service.customer()
  const totp = await enrolled(customer)
  const { body } = await issue(customer)
  for (const { id } of await listed(customer)) t.equal((await remove(id, asCustomer(customer))).status, 204)
  clock.advance(30_000)
  t.equal(await prove(customer, 'totp', codeOf(totp, step())), false)
  t.equal(await prove(customer, 'recovery_code', body.codes[0] ?? ''), false)
  t.same(await list(customer.code), { methods: [], recoveryCodesLeft: 0 })
  t.match(await remove(totp.id, asCustomer(customer)), { status: 404, body: { detail: 'There is no such factor.' } })
})

t.test("C6: another customer's factor is not found, and stays", async (t) => {
  const [owner, other] = [await service.customer(), await service.customer()]
  const { id } = await enrolled(owner)
  const headers = asCustomer(other)
  t.match(await remove(id, headers), { status: 404 })
  t.equal((await listed(owner)).length, 1)
  t.equal((await issue(other, headers)).status, 201, 'the proof is not spent')
})

t.test('S57: every change is told to each address with a report link, and published', async (t) => {
  const customer = await service.customer({ emails: ['two@example.com'], phones: ['+447700900123'] })
  const totp = await enrolled(customer)
  await remove(totp.id, asCustomer(customer))
  await eventually(async () => (await notified(customer)).length === 4, { what: 'the notifications' })
  t.match(
    (await factorEvents(customer)).map(({ type, data }) => [type, data]),
    ['customer.factor-added', 'customer.factor-removed'].map((type) => [
      type,
      { customer: customer.code, customerId: customer.id, factorId: totp.id, kind: 'totp', actor: 'client' },
    ]),
  )
  for (const { id, data } of await notified(customer)) {
    t.match(data, { operation: /^totp_(added|removed)$/, ip: String, changedAt: String })
    t.match(await service.openAddress(id, data.reportLink ?? ''), /\/n\/[\w-]{22}$/)
  }
  const messages = await query(
    "SELECT channel::text FROM message WHERE customer_id = $1 AND purpose = 'factors_changed'",
    [customer.id],
  )
  t.equal(messages.length, 4)
})

t.test('S57: without the grant of a fresh proof for it nothing is read or changed', async (t) => {
  const customer = await service.customer()
  const { id } = await enrolled(customer)
  const other = await service.customer()
  const { code } = customer
  const old = Math.floor(clock.now().getTime() / 1_000) - 3_600
  const tokens = {
    none: undefined,
    'no token': 'a.b.c',
    'of a change of the password': grant('change', code),
    'of a restore': grant('restore', code),
    'of another customer': grant('changeFactors', other.code),
    expired: grant('changeFactors', code, { iat: old, exp: old + 600 }),
    'an access token': bearer(code).slice('Bearer '.length),
  }
  const calls: Record<string, (headers: Record<string, string>) => Promise<{ status: number }>> = {
    C1: (headers) => http.get(factors, headers),
    C2: (headers) => http.post(`${factors}/totp`, { label: 'a' }, headers),
    C3: (headers) => confirm(id, '000000', headers),
    C5: (headers) => http.send('POST', `${factors}/recovery-codes`, headers),
    C6: (headers) => remove(id, headers),
  }
  for (const [call, send] of Object.entries(calls)) {
    for (const [what, token] of Object.entries(tokens)) {
      const headers = { authorization: bearer(code), ...(token !== undefined && { successToken: token }) }
      t.match(await send(headers), { status: 403, body: { code: 'success_token_refused' } }, `${call}, ${what}`)
    }
    t.match(await send({ successToken: grant('changeFactors', code) }), { status: 401 }, `${call}, no bearer`)
    const narrow = {
      authorization: bearer(code, 'CUSTOMER:PASSWORD:CHANGE'),
      successToken: grant('changeFactors', code),
    }
    t.match(await send(narrow), { status: 403, body: { code: 'insufficient_scope' } }, `${call}, narrow scope`)
  }
  t.match(await listed(customer), [{ id }])
})

t.test('S19: the grant changes the factors once, also under a race', async (t) => {
  const customer = await service.customer()
  const headers = asCustomer(customer)
  const answers = await Promise.all(Array.from({ length: 10 }, () => issue(customer, headers)))
  t.equal(answers.filter(({ status }) => status === 201).length, 1)
  t.equal(answers.filter(({ status }) => status === 403).length, 9)
  t.match(await enrol(customer, headers), { status: 403 })
  t.equal((await http.get(factors, headers)).status, 200, 'the list is read with it until it expires')
})

t.test('a blocked customer, and a session that ended, changes no factor', async (t) => {
  const customer = await service.customer({ status: 'blocked' })
  t.match(await issue(customer), { status: 403, body: { code: 'success_token_refused' } })
  const other = await service.customer()
  const headers = asCustomer(other)
  await query('UPDATE customer SET session_epoch = 2147483647, sessions_ended_at = now() WHERE id = $1', [other.id])
  const ended = {
    authorization: bearer(other.code, undefined, { session_epoch: 1 }),
    successToken: headers.successToken,
  }
  t.match(await issue(other, ended), { status: 401 })
  const stale = { ...headers, successToken: grant('changeFactors', other.code, { session_epoch: 1 }) }
  t.match(await issue(other, stale), { status: 403 })
})

t.test('a label is one line of at most 64 characters', async (t) => {
  const customer = await service.customer()
  for (const label of ['', ' ', 'a\nb', 'a\u202eb', 'x'.repeat(65)])
    t.match(await enrol(customer, asCustomer(customer), label), { status: 400, body: { code: 'invalid_request' } })
  t.equal((await enrol(customer, asCustomer(customer), ' Телефон 📱 ')).status, 201)
})

t.test('a restore of the password changes no factor', async (t) => {
  const customer = await service.customer()
  const totp = await enrolled(customer)
  await issue(customer)
  const before = await query('SELECT * FROM factor WHERE customer_id = $1 ORDER BY id', [customer.id])
  const successToken = grant('restore', await service.restoreOf(customer.id))
  await http.post('/api/v2/my/password/restore', { password: 'Qwerty123' }, { successToken })
  t.same(await query('SELECT * FROM factor WHERE customer_id = $1 ORDER BY id', [customer.id]), before)
  t.same(await list(customer.code), { methods: ['totp', 'recovery_code'], recoveryCodesLeft: 10 })
  clock.advance(30_000)
  t.equal(await prove(customer, 'totp', codeOf(totp, step())), true)
})

t.test('S9: no log line and no event contains a secret or a recovery code', async (t) => {
  const customer = await service.customer()
  const { secret } = await enrolled(customer)
  const { body } = await issue(customer)
  await eventually(async () => (await notified(customer)).length === 2, { what: 'the notifications' })
  const written = [
    service.logs(),
    JSON.stringify(await service.events('PASSWORD', customer.code)),
    JSON.stringify(await service.events('NOTIFY', customer.code)),
    JSON.stringify(
      await query('SELECT f.*, r.code_hmac FROM factor f LEFT JOIN recovery_code r ON r.factor_id = f.id'),
    ),
  ].join()
  for (const planted of [secret, ...body.codes, ...body.codes.map((code) => code.replaceAll('-', ''))])
    t.notOk(written.includes(planted))
})
