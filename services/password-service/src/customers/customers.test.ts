import { hash as argon2 } from '@node-rs/argon2'
import { CustomersGet, CustomersUpsert, PasswordVerify, RestoreRequested } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import { callPatiently } from '@rekey/test-support/patiently'
import t from 'tap'

const service = await startPasswordService(t)
const { query } = service

type Request = Parameters<typeof callRpc<typeof CustomersUpsert>>[2]

const upsert = (record: Request) => callPatiently(() => callRpc(service.broker, CustomersUpsert, record))
const get = (reference: Parameters<typeof callRpc<typeof CustomersGet>>[2]) =>
  callPatiently(() => callRpc(service.broker, CustomersGet, reference))
const newCode = () => `P${systemRandom.id()}`
const newEmail = () => `${systemRandom.id()}@example.com`
const confirmed = (value: string) => ({ value, verified: true })
const unconfirmed = (value: string) => ({ value, verified: false })
const taken = (index: number) => ({
  stored: false as const,
  reasons: [{ field: `identifiers/${index}/value`, code: 'identifier_taken', message: 'is held by another customer' }],
})
const changesOf = async (customer: string) => {
  await service.outboxEmpty()
  const events = await service.events('PASSWORD', customer)
  return events.filter(({ type }) => type === 'account.identifiers-changed').map(({ data }) => data)
}

t.test('an upserted customer is found by code, id and confirmed address only', async (t) => {
  const [customer, email, other] = [newCode(), newEmail(), newEmail()]
  const identifiers = [confirmed(email.toUpperCase()), unconfirmed(other), confirmed('+447700900100')]
  const reply = await upsert({ customer, locale: 'de-de', timezone: 'Europe/Berlin', identifiers })
  t.match(reply, { stored: true, created: true, passwordStored: false })
  const expected = {
    found: true,
    customerId: (reply as { customerId: number }).customerId,
    customer,
    locale: 'de-DE',
    timezone: 'Europe/Berlin',
    status: 'active',
    identifiers: [
      { kind: 'email', ...confirmed(email) },
      { kind: 'email', ...unconfirmed(other) },
      { kind: 'phone', ...confirmed('+447700900100') },
    ],
  }
  t.same(await get({ customer }), expected)
  t.same(await get({ customerId: expected.customerId }), expected)
  t.same(await get({ username: email }), expected)
  t.same(await get({ username: '+447700900100' }), expected)
  t.same(await get({ username: other }), { found: false }, 'not by an unconfirmed address')
  t.same(await get({ customer: newCode() }), { found: false })
  t.same(await changesOf(customer), [], 'a new customer makes no event')
})

t.test('an upsert leaves omitted fields unchanged', async (t) => {
  const [customer, email] = [newCode(), newEmail()]
  await upsert({ customer, locale: 'de-DE', timezone: 'Europe/Berlin', identifiers: [confirmed(email)] })
  t.match(await upsert({ customer }), { stored: true, created: false })
  t.match(await upsert({ customer, locale: 'fr-FR' }), { stored: true, created: false })
  t.match(await get({ customer }), {
    locale: 'fr-FR',
    timezone: 'Europe/Berlin',
    identifiers: [{ value: email, verified: true }],
  })
  const plain = newCode()
  await upsert({ customer: plain })
  t.match(await get({ customer: plain }), { locale: 'en-GB', timezone: 'UTC', identifiers: [] })
})

t.test('given addresses replace all others; a confirmed one keeps its time', async (t) => {
  const [customer, kept, gone, later] = [newCode(), newEmail(), newEmail(), newEmail()]
  await upsert({ customer, identifiers: [confirmed(kept), confirmed(gone), unconfirmed(later)] })
  const since = async () => {
    const rows = await query('SELECT value, verified_at FROM identifier WHERE value = ANY($1)', [[kept, gone, later]])
    return Object.fromEntries(rows.map(({ value, verified_at }) => [value, verified_at?.getTime()]))
  }
  const before = await since()
  service.clock.advance(60_000)
  await upsert({ customer, identifiers: [confirmed(later), confirmed(kept)] })
  const after = await since()
  t.same(Object.keys(after).sort(), [kept, later].sort())
  t.equal(after[kept], before[kept])
  t.ok(after[later])
  const mask = (value: string) => `oob:email:${value[0]}*${value[35]}@example.com`
  t.match(await changesOf(customer), [{ customer, added: [mask(later)], removed: [mask(gone)] }])

  await upsert({ customer, identifiers: [unconfirmed(kept), confirmed(later)] })
  t.notOk((await since())[kept], 'given as unconfirmed it becomes unconfirmed')
  t.match((await changesOf(customer)).at(-1), { added: [], removed: [mask(kept)] })
  t.same(await get({ username: kept }), { found: false })
  await upsert({ customer, identifiers: [unconfirmed(kept), confirmed(later)] })
  t.equal((await changesOf(customer)).length, 2, 'the same upsert again makes no event')
})

t.test("another customer's address is refused by its index, and nothing is stored", async (t) => {
  const [holder, customer, held] = [newCode(), newCode(), newEmail()]
  await upsert({ customer: holder, identifiers: [confirmed(held)] })
  const request = { customer, locale: 'fr-FR', identifiers: [confirmed(newEmail()), confirmed(held.toUpperCase())] }
  const reply = await upsert(request)
  t.same(reply, taken(1))
  t.notOk(JSON.stringify(reply).includes(holder), 'the reply does not name the holder')
  t.same(await get({ customer }), { found: false })
  await upsert({ customer: holder, identifiers: [] })
  t.match(await upsert(request), { stored: true, created: true }, 'once the holder gives it up it is accepted')
})

t.test('a reply lists every error of a record, by field', async (t) => {
  const email = newEmail()
  const reply = await upsert({
    customer: newCode(),
    locale: 'zz-ZZ',
    timezone: 'Mars/Base',
    identifiers: [confirmed(email), confirmed(newEmail()), unconfirmed(email.toUpperCase())],
    passwordHash: '$2b$31$abcdefghijklmnopqrstuuO6l3H.rYqzlmHPk0u5Oul0q8gn3Zn8y',
  })
  t.match(reply, {
    stored: false,
    reasons: [
      { field: 'locale', code: 'unknown_locale' },
      { field: 'timezone', code: 'unknown_timezone' },
      { field: 'identifiers/2/value', code: 'duplicate' },
      { field: 'passwordHash', code: 'too_costly' },
    ],
  })
  for (const [passwordHash, code] of [
    ['Qwerty123', 'unknown_form'],
    ['$argon2id$nonsense', 'malformed'],
    ['$argon2id$v=19$m=19456,t=2,p=1,keyid=azE$MDEyMzQ1Njc4OWFiY2RlZg$AAAAAAAAAAAAAAAAAAAAAA', 'unknown_pepper'],
  ] as const) {
    t.match(await upsert({ customer: newCode(), passwordHash }), { reasons: [{ field: 'passwordHash', code }] })
  }
  t.match(await upsert({ customer: newCode(), timezone: '+01' }), { reasons: [{ code: 'unknown_timezone' }] })
})

t.test('S17: a hash is stored only for a customer without a password, and is never logged', async (t) => {
  const [customer, email] = [newCode(), newEmail()]
  const [first, second] = await Promise.all([argon2('Qwerty123'), argon2('Qwerty124')])
  const identifiers = [confirmed(email)]
  t.match(await upsert({ customer, identifiers, passwordHash: first }), { stored: true, passwordStored: true })
  t.match(await upsert({ customer, passwordHash: second }), { stored: true, passwordStored: false })
  const verify = (password: string) => callRpc(service.broker, PasswordVerify, { username: email, password })
  t.match(await verify('Qwerty123'), { verified: true, customer })
  t.match(await verify('Qwerty124'), { verified: false })
  for (const hash of [first, second]) t.notOk(service.logs().includes(hash.split('$')[4] ?? hash))
  t.match(
    service.logged('customer_stored').filter((line) => line.customer === customer),
    [
      { created: true, passwordStored: true, addressesAdded: 1 },
      { created: false, passwordStored: false },
    ],
  )
  t.notOk(service.logs().includes(email), 'addresses are not logged either')
})

t.test("losing a confirmed address ends the customer's open restores", async (t) => {
  const [customer, kept, gone] = [newCode(), newEmail(), newEmail()]
  const reply = await upsert({ customer, identifiers: [confirmed(kept), confirmed(gone)] })
  const challengeId = await service.restoreOf((reply as { customerId: number }).customerId)
  const restore = () =>
    service.http.post(
      '/api/v2/my/password/restore',
      { password: 'Qwerty123' },
      { successToken: service.grant('restore', challengeId) },
    )
  await upsert({ customer, identifiers: [confirmed(kept), confirmed(gone), unconfirmed(newEmail())] })
  const open = () => query('SELECT 1 FROM restore_request WHERE challenge_id = $1', [challengeId])
  t.equal((await open()).length, 1, 'an added address ends none')
  await upsert({ customer, identifiers: [confirmed(kept)] })
  t.equal((await restore()).status, 403)
})

t.test('a restore that races with the removal of its address is ended or never recorded', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const [customer, email, challengeId] = [newCode(), newEmail(), systemRandom.id()]
    await upsert({ customer, identifiers: [confirmed(email)] })
    const asked = service.publisher.publish(RestoreRequested, {
      subject: challengeId,
      data: {
        challengeId,
        sendNumber: 1,
        clientId: 'ib_localhost',
        code: 'sealed',
        verificationCode: '7024',
        ip: '203.0.113.7',
        expiresAt: new Date(service.clock.now().getTime() + 600_000).toISOString(),
        username: await service.sealUsername(challengeId, email),
      },
    })
    await Promise.all([asked, upsert({ customer, identifiers: [] })])
    const jsm = await service.broker.connection().jetstreamManager()
    await eventually(async () => {
      const { num_pending, num_ack_pending } = await jsm.consumers.info(
        'AUTH',
        'password-service-auth-restore-requested',
      )
      return num_pending === 0 && num_ack_pending === 0
    })
    t.same(await query('SELECT 1 FROM restore_request WHERE challenge_id = $1', [challengeId]), [])
  }
})

t.test('twenty concurrent upserts of a new customer create one customer', async (t) => {
  const customer = newCode()
  const [one, two] = [newEmail(), newEmail()]
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      upsert({
        customer,
        identifiers: index % 2 ? [confirmed(one), confirmed(two)] : [confirmed(two), confirmed(one)],
      }),
    ),
  )
  t.ok(replies.every(({ stored }) => stored))
  t.equal(replies.filter((reply) => reply.stored && reply.created).length, 1)
  t.equal(new Set(replies.map((reply) => reply.stored && reply.customerId)).size, 1)
  const found = await get({ customer })
  t.equal(found.found && found.identifiers.length, 2)
})

t.test('of twenty concurrent upserts with the same address one succeeds', async (t) => {
  const email = newEmail()
  const codes = Array.from({ length: 20 }, newCode)
  const replies = await Promise.all(codes.map((customer) => upsert({ customer, identifiers: [confirmed(email)] })))
  t.equal(replies.filter(({ stored }) => stored).length, 1)
  t.ok(replies.every((reply) => reply.stored || reply.reasons[0]?.code === 'identifier_taken'))
  const rows = await query('SELECT 1 FROM customer WHERE code = ANY($1)', [codes])
  t.equal(rows.length, 1, 'the others left nothing')
})

t.test('concurrent upserts that swap addresses each get a reply', async (t) => {
  const [one, two] = [newCode(), newCode()]
  const [x, y] = [newEmail(), newEmail()]
  for (let round = 0; round < 10; round += 1) {
    await Promise.all([upsert({ customer: one, identifiers: [] }), upsert({ customer: two, identifiers: [] })])
    const replies = await Promise.all([
      upsert({ customer: one, identifiers: [confirmed(x), confirmed(y)] }),
      upsert({ customer: two, identifiers: [confirmed(y), confirmed(x)] }),
    ])
    t.equal(replies.filter(({ stored }) => stored).length, 1)
  }
})
