import { eventually } from '@rekey/test-support/eventually'
import { wordsFor } from '@rekey/texts/words'
import t from 'tap'
import { codeOf } from '../factors/factors.fixture.ts'
import { startHelpDesk } from './verifications.fixture.ts'

const desk = await startHelpDesk(t, {
  REKEY_LIMIT_VERIFICATION_CUSTOMER: '50/1h',
  REKEY_LIMIT_VERIFICATION_STAFF: '1000/1h',
})
const { begin, confirm, received, show, verify, wrong, minutes } = desk

t.test('S59 C8 C9: the customer gets the words that the agent says, and is verified by the code', async (t) => {
  const customer = await desk.customer()
  const answer = await begin('ann', customer)
  t.match(answer, { status: 201, body: { id: String, channel: 'email', words: /^\p{L}+ \p{L}+$/u, expiresAt: String } })
  const { words, code, to } = await received(customer, answer.body.id ?? '')
  t.equal(words, answer.body.words)
  const [one, other] = words.split(' ')
  t.not(one, other)
  for (const word of [one, other]) t.ok(wordsFor('en-GB').includes(word ?? ''))
  t.equal(to, customer.addresses[0])
  t.notOk(answer.text.includes(code), 'the agent learns the code from the customer alone')
  t.notOk('verifiedUntil' in (await show('ann', customer)).body)

  t.match(await confirm('ann', customer, answer.body.id ?? '', code, { reason: 'ticket 7' }), { status: 204, text: '' })
  const shown = await show('ann', customer)
  t.match(shown.body, { required: true, verifiedUntil: /^\d{4}-.*\+00:00$/, channels: [{ channel: 'email' }] })
  const { body } = await desk.send('ann', 'GET', `clients/${customer.id}/records`)
  t.match(body.data, [{ operation: 'verify', actor: 'back_office', actorId: 'ann', reason: 'ticket 7' }])
  await eventually(async () => (await desk.events('PASSWORD', customer.code)).length > 0, { what: 'the event' })
  t.match(await desk.events('PASSWORD', customer.code), [
    { type: 'customer.verified', data: { method: 'email', actorId: 'ann', verificationId: answer.body.id } },
  ])
  t.match(desk.logged('verification_done').at(-1), { customer: customer.code, actorId: 'ann', factor: 'email' })
  const messages = await desk.send('ann', 'GET', `clients/${customer.id}/messages`)
  t.match(messages.body.data, [{ kind: 'code', purpose: 'verification', channel: 'email' }])
})

t.test('S9: neither Postgres nor the broker nor the log has the code or the words', async (t) => {
  const customer = await desk.customer()
  const { body } = await begin('ann', customer)
  const { code } = await received(customer, body.id ?? '')
  const rows = JSON.stringify(await desk.query('SELECT * FROM verification WHERE id = $1', [body.id]))
  const outbox = JSON.stringify(await desk.query('SELECT data FROM outbox WHERE subject = $1', [customer.code]))
  const events = JSON.stringify((await desk.events('NOTIFY', customer.code)).map(({ data }) => data))
  for (const [where, text] of Object.entries({ rows, outbox, events, logs: desk.logs() })) {
    t.notOk(text.includes(body.words ?? 'no words'), `words in ${where}`)
    t.notMatch(text, new RegExp(`(?<!\\d)${code}(?!\\d)`), `code in ${where}`)
  }
})

t.test('S3: a code is accepted once, also by parallel requests', async (t) => {
  const customer = await desk.customer()
  const { body } = await begin('ann', customer)
  const { code } = await received(customer, body.id ?? '')
  const answers = await Promise.all(Array.from({ length: 5 }, () => confirm('ann', customer, body.id ?? '', code)))
  t.strictSame(answers.map(({ status }) => status).toSorted(), [204, 400, 400, 400, 400])
  const { body: records } = await desk.send('ann', 'GET', `clients/${customer.id}/records`)
  t.match(records, { total: 1 })
  t.match(await confirm('ann', customer, body.id ?? '', code), { status: 400, body: { code: 'invalid_grant' } })
})

t.test('S5: of parallel wrong codes five are compared; then the right one is refused', async (t) => {
  const customer = await desk.customer()
  const { body } = await begin('ann', customer)
  const { code } = await received(customer, body.id ?? '')
  const guesses = Array.from({ length: 12 }, () => confirm('ann', customer, body.id ?? '', wrong(code)))
  const codes = (await Promise.all(guesses)).map((answer) => answer.body.code)
  t.equal(codes.filter((one) => one === 'invalid_grant').length, 5)
  t.equal(codes.filter((one) => one === 'access_denied').length, 7)
  t.match(await confirm('ann', customer, body.id ?? '', code), {
    status: 400,
    body: { code: 'access_denied', detail: /Begin another verification/ },
  })
  t.notOk('verifiedUntil' in (await show('ann', customer)).body)
})

t.test('S6: wrong codes count as failed attempts of the restore, and ten a day end all verifications', async (t) => {
  const customer = await desk.customer()
  const fail = async () => {
    const { body } = await begin('ann', customer)
    const { code } = await received(customer, body.id ?? '')
    for (let attempt = 0; attempt < 5; attempt += 1) await confirm('ann', customer, body.id ?? '', wrong(code))
  }
  await fail()
  const { body: open } = await begin('bea', customer)
  const { code } = await received(customer, open.id ?? '')
  await fail()
  t.match((await desk.send('ann', 'GET', `clients/${customer.id}`)).body, { restoreLockout: { from: String } })
  t.match(desk.logged('authn_restore_locked').at(-1), { customer: customer.code, failures: 10 })
  t.match(await begin('ann', customer), { status: 429, body: { detail: /Too many wrong codes/ } })
  t.match(await confirm('bea', customer, open.id ?? '', code), { status: 429 })
  t.match(desk.logged('verification_fail').at(-1), { actorId: 'bea', reason: 'limit' })
  minutes(24 * 60 + 1)
  t.equal((await begin('ann', customer)).status, 201, 'a day later')
})

t.test('S2: a late code is refused', async (t) => {
  const customer = await desk.customer()
  const { body } = await begin('ann', customer)
  const { code } = await received(customer, body.id ?? '')
  minutes(10)
  t.match(await confirm('ann', customer, body.id ?? '', code), { status: 400, body: { code: 'invalid_grant' } })
  t.match(desk.logged('verification_fail').at(-1), { reason: 'ended', customer: customer.code })
})

t.test('S4: a verification is of one customer and one member of staff', async (t) => {
  const [customer, other] = [await desk.customer(), await desk.customer()]
  const { body } = await begin('ann', customer)
  const { code } = await received(customer, body.id ?? '')
  const missing = { status: 404, body: { detail: 'There is no such verification.' } }
  t.match(await confirm('bea', customer, body.id ?? '', code), missing, 'another member of staff')
  t.match(await confirm('ann', other, body.id ?? '', code), missing, 'another customer')
  t.match(await confirm('ann', customer, desk.unknownId(), code), missing)
  const { body: second } = await begin('ann', customer)
  t.match(await confirm('ann', customer, second.id ?? '', code), { body: { code: 'invalid_grant' } }, 'another code')
  t.equal((await confirm('ann', customer, body.id ?? '', code)).status, 204)
  t.ok('verifiedUntil' in (await show('ann', customer)).body)
  t.notOk('verifiedUntil' in (await show('bea', customer)).body)
  for (const answer of [await begin('ann', { id: 2_000_000_000 }), await show('ann', { id: 2_000_000_000 })]) {
    t.match(answer, { status: 404, body: { detail: 'There is no such customer.' } })
  }
})

t.test('S31: a code may have separators, and be a number without its leading zeros', async (t) => {
  for (const form of [(code: string) => `${code.slice(0, 3)} ${code.slice(3)}`, (code: string) => Number(code)]) {
    const customer = await desk.customer()
    const { body } = await begin('ann', customer)
    const { code } = await received(customer, body.id ?? '')
    t.equal((await confirm('ann', customer, body.id ?? '', form(code))).status, 204)
  }
})

t.test('S54: the code of an authenticator app verifies once; no message is sent', async (t) => {
  const customer = await desk.customer()
  const app = await desk.enrolTotp(customer.id)
  minutes(72 * 60 + 1)
  t.match((await show('ann', customer)).body, { channels: [{ channel: 'email' }, { channel: 'otp' }] })
  const step = desk.step()
  const { status, body } = await begin('ann', customer, { channel: 'otp' })
  t.equal(status, 201)
  t.notOk('words' in body)
  t.match(await confirm('ann', customer, body.id ?? '', wrong(codeOf(app, step))), { status: 400 })
  t.equal((await confirm('ann', customer, body.id ?? '', codeOf(app, step))).status, 204)
  const { body: again } = await begin('bea', customer, { channel: 'otp' })
  t.match(await confirm('bea', customer, again.id ?? '', codeOf(app, step)), { body: { code: 'invalid_grant' } })
  t.same(await desk.events('NOTIFY', customer.code), [])
  t.match(desk.logged('authn_factor_proof').at(-1), { purpose: 'verification', factor: 'totp' })
})

t.test('S43: what the customer gained a short while ago verifies nobody', async (t) => {
  const customer = await desk.customer({ emails: ['old@example.com'], phones: ['+447700900311'] })
  const young = desk.clock.now()
  await desk.query("UPDATE identifier SET young_since = $2 WHERE customer_id = $1 AND kind = 'email'", [
    customer.id,
    young,
  ])
  const app = await desk.enrolTotp(customer.id)
  t.match((await show('ann', customer)).body.channels, [{ channel: 'sms', to: '+44*******11' }])
  for (const channel of ['email', 'otp']) {
    t.match(await begin('ann', customer, { channel }), {
      status: 400,
      body: { code: 'invalid_request', errors: [{ field: 'channel', code: 'not_possible' }] },
    })
  }
  const { body } = await begin('ann', customer)
  t.equal(body.channel, 'sms')
  minutes(72 * 60)
  const { body: later } = await begin('ann', customer, { channel: 'otp' })
  await desk.enrolTotp(customer.id).then(async (newer) => {
    t.match(await confirm('ann', customer, later.id ?? '', codeOf(newer, desk.step())), { status: 400 }, 'a young app')
  })
  t.equal((await confirm('ann', customer, later.id ?? '', codeOf(app, desk.step()))).status, 204)
})

t.test('S44: while a hold lasts, the channel that the password came by verifies nobody', async (t) => {
  const customer = await desk.customer({ emails: ['held@example.com'], phones: ['+447700900312'] })
  await verify('ann', customer, 'email')
  t.ok('verifiedUntil' in (await show('ann', customer)).body)
  const until = new Date(desk.clock.now().getTime() + 3_600_000)
  await desk.query("UPDATE customer SET hold_until = $2, password_channel = 'email' WHERE id = $1", [
    customer.id,
    until,
  ])
  t.notOk('verifiedUntil' in (await show('ann', customer)).body, 'nor by an earlier verification')
  t.match(await begin('ann', customer, { channel: 'email' }), { status: 400 })
  await verify('ann', customer, 'sms')
  t.ok('verifiedUntil' in (await show('ann', customer)).body)
})

t.test('a block ends verifications, begun and confirmed ones', async (t) => {
  const customer = await desk.customer()
  await verify('ann', customer)
  const { body } = await begin('ann', customer)
  const { code } = await received(customer, body.id ?? '')
  t.equal((await desk.send('bea', 'PUT', `clients/${customer.id}/block`, { reason: 'a reason' })).status, 204)
  t.notOk('verifiedUntil' in (await show('ann', customer)).body)
  t.match(await confirm('ann', customer, body.id ?? '', code), { body: { code: 'invalid_grant' } })
  await verify('ann', customer)
  t.ok('verifiedUntil' in (await show('ann', customer)).body, 'a blocked customer can be verified')
})

t.test('quotas of a customer and of a member of staff hold under parallel requests', async (t) => {
  const limits = { REKEY_LIMIT_VERIFICATION_CUSTOMER: '3/1h', REKEY_LIMIT_VERIFICATION_STAFF: '4/1h' }
  const small = await startHelpDesk(t, limits)
  const count = (answers: { status: number }[], status: number) =>
    answers.filter((answer) => answer.status === status).length
  const customer = await small.customer()
  const many = await Promise.all(['ann', 'bea', 'cat', 'dan', 'eve', 'fay'].map((who) => small.begin(who, customer)))
  t.strictSame([count(many, 201), count(many, 429)], [3, 3])
  const refused = many.find(({ status }) => status === 429)
  t.match(refused?.body, { code: 'too_many_requests', detail: /of this customer/ })
  t.equal(refused?.headers.get('retry-after'), '3600')

  const customers = await Promise.all(Array.from({ length: 6 }, () => small.customer()))
  const own = await Promise.all(customers.map((one) => small.begin('gus', one)))
  t.strictSame([count(own, 201), count(own, 429)], [4, 2])
  small.minutes(61)
  t.equal((await small.begin('gus', customer)).status, 201)
})

t.test('S25: without the broker nothing is left of a verification', async (t) => {
  const down = await startHelpDesk(t)
  const customer = await down.customer()
  await down.nats.kill()
  const answer = await down.begin('ann', customer)
  t.match(answer, { status: 503, body: { code: 'unavailable' } })
  t.same(await down.query('SELECT id FROM verification WHERE customer_id = $1', [customer.id]), [])
  t.same(await down.query('SELECT id FROM message WHERE customer_id = $1', [customer.id]), [])
})
