import {
  ChallengeFailed,
  ChallengeLocked,
  ChallengeVerified,
  PasswordStatus,
  PasswordVerify,
  type Purpose,
  scopes,
} from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { callRpc } from '@rekey/platform/rpc'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { afterAnswer } from '../after-answer.ts'
import { createCodeSource } from '../codes/codes.fixture.ts'

const service = await startPasswordService(t)
const { query, clock, publisher, http, grant } = service
const { requestRestore, sent, everythingHandled, restoreRequests, reasonsOf } = createCodeSource(service)
type Customer = Awaited<ReturnType<typeof service.customer>>

const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs
const mostAttempts = 5

/** Publishes the gateway's event of a wrong code: its number within the challenge, and its time. */
const guess = (
  challengeId: string,
  attempt: number,
  { at = clock.now(), purpose = 'restore' }: { at?: Date; purpose?: Purpose } = {},
) => {
  const kind = attempt < mostAttempts ? ChallengeFailed : ChallengeLocked
  const data = { challengeId, purpose, clientId: 'ib_localhost', ip: '203.0.113.7', attempt }
  return publisher.send({ ...publisher.event(kind, { subject: challengeId, data }), time: at })
}

const answerRight = (challengeId: string, at = clock.now()) => {
  const data = { challengeId, purpose: 'restore' as const, clientId: 'ib_localhost', ip: '203.0.113.7' }
  return publisher.send({ ...publisher.event(ChallengeVerified, { subject: challengeId, data }), time: at })
}

const guessAll = (challengeId: string, { at = clock.now() } = {}) =>
  race(mostAttempts, (index) => guess(challengeId, index + 1, { at }))

const failuresOf = ({ id }: Customer) => query('SELECT * FROM restore_failure WHERE customer_id = $1', [id])
const counted = (customer: Customer, count: number) =>
  eventually(async () => (await failuresOf(customer)).length === count, {
    what: `${count} wrong codes to be counted`,
    timeoutMs: 60_000,
  })

/** Earlier wrong codes, each after any lockout had ended. */
const failedBefore = ({ id }: Customer, count: number) =>
  query(
    `INSERT INTO restore_failure
     SELECT gen_random_uuid(), 1, $1, $2::timestamptz - two_days * interval '2 days' FROM generate_series(1, $3) two_days`,
    [id, clock.now(), count],
  )

/** Wrong codes of new restores, five for each. */
const guessTimes = async (customer: Customer, times: number) => {
  const before = (await failuresOf(customer)).length
  for (let count = 0; count < times; count += mostAttempts) {
    await guessAll(await service.restoreOf(customer.id))
    await counted(customer, before + count + mostAttempts)
  }
}

const isLocked = async ([username = '']: string[]) => {
  const challengeId = await requestRestore(username)
  await everythingHandled()
  const [reason, ...more] = reasonsOf(challengeId)
  if (more.length > 0) throw new Error(`suppressed more than once: ${more}`)
  const isSent = (await service.events('NOTIFY', challengeId)).length === 1
  if (isSent !== (reason === undefined)) throw new Error(`both sent and suppressed, or neither: ${reason}`)
  return reason === 'info: lockout'
}

const restore = (challengeId: string, { iat = Math.floor(clock.now().getTime() / 1_000) } = {}) =>
  http.post(
    '/api/v2/my/password/restore',
    { password: 'Another-1' },
    { successToken: grant('restore', challengeId, { iat }) },
  )

const liftBlock = ({ id }: Customer) =>
  http.send('DELETE', `/api/v2/clients/${id}/block`, {
    authorization: service.bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' }),
  })

const notificationsOf = async ({ code }: Customer) => {
  await service.outboxEmpty()
  return (await service.events('NOTIFY', code)).filter(({ type }) => type === 'notify.restore-blocked')
}

t.test('S12: a wrong code is counted for a customer after its answer has left', async (t) => {
  const customer = await service.customer()
  const challengeId = await requestRestore(customer.addresses[0] ?? '')
  await sent(challengeId)
  const answeredMs = performance.now()
  await guess(challengeId, 1)
  await counted(customer, 1)
  const ms = performance.now() - answeredMs
  t.ok(ms >= afterAnswer.shortestMs, `counted after ${ms} ms`)
})

t.test("S6: ten wrong codes at any of the customer's addresses lock restore for ten minutes", async (t) => {
  const customer = await service.customer({ phones: ['+447700900601'] })
  const other = await service.customer()
  const [email = '', phone = ''] = customer.addresses
  const [first, second] = await Promise.all([requestRestore(email), requestRestore(phone)])
  await Promise.all([sent(first), sent(second)])
  await guessAll(first)
  await counted(customer, 5)
  t.notOk(await isLocked([phone]))
  await guessAll(second)
  await counted(customer, 10)
  t.ok(await isLocked([email]))
  const suppressed = await requestRestore(phone)
  await everythingHandled()
  t.same(await restoreRequests(suppressed), [], 'a suppressed code is not recorded')
  t.notOk(await isLocked(other.addresses), 'no other customer is locked out')
  t.match(service.logged('authn_restore_locked').at(-1), { customer: customer.code, failures: 10 })

  clock.advance(10 * minuteMs)
  t.notOk(await isLocked([phone]))
})

t.test('S6: a lockout does not affect sign-in, and password.status returns it', async (t) => {
  const customer = await service.customer()
  const [username = ''] = customer.addresses
  t.equal((await service.change(customer)).status, 204)
  await guessTimes(customer, 10)
  t.match(await callRpc(service.broker, PasswordVerify, { username, password: 'Qwerty123' }), { verified: true })
  const [first] = await query<{ failed_at: Date }>(
    'SELECT failed_at FROM restore_failure WHERE customer_id = $1 ORDER BY failed_at DESC',
    [customer.id],
  )
  const second = (time: number) => `${new Date(time).toISOString().slice(0, 19)}+00:00`
  const from = first?.failed_at.getTime() ?? 0
  t.match(await callRpc(service.broker, PasswordStatus, { customer: customer.code }), {
    restoreBlock: { from: second(from), until: second(from + 10 * minuteMs) },
  })
  clock.advance(10 * minuteMs)
  t.notOk('restoreBlock' in (await callRpc(service.broker, PasswordStatus, { customer: customer.code })))
})

t.test('S6: each ten more wrong codes lock for twice as long, at most a day', async (t) => {
  const minutesAfter = new Map([
    [10, 10],
    [20, 20],
    [90, 1_440],
  ])
  for (const [failures, minutes] of minutesAfter) {
    const customer = await service.customer()
    await failedBefore(customer, failures - 10)
    await guessTimes(customer, 10)
    clock.advance((minutes - 1) * minuteMs)
    t.ok(await isLocked(customer.addresses), `after ${failures}: locked for ${minutes} minutes`)
    clock.advance(minuteMs)
    t.notOk(await isLocked(customer.addresses), `after ${failures}: not locked any longer`)
  }
})

t.test('S6: a hundred wrong codes lock restore until the back office lifts it', async (t) => {
  const customer = await service.customer()
  await failedBefore(customer, 95)
  await guessTimes(customer, 5)
  const [notification, ...more] = await notificationsOf(customer)
  t.same(more, [])
  t.same(Object.keys(notification?.data ?? {}), ['recipient', 'blockedFrom'], 'the notification has no end')
  t.match(service.logged('authn_restore_locked').at(-1), { customer: customer.code, failures: 100, until: 'lifted' })
  clock.advance(400 * dayMs)
  t.ok(await isLocked(customer.addresses), 'locked a year later')
  const status = await callRpc(service.broker, PasswordStatus, { customer: customer.code })
  t.same('restoreBlock' in status && Object.keys(status.restoreBlock ?? {}), ['from'])

  t.equal((await liftBlock(customer)).status, 204)
  t.same(await failuresOf(customer), [])
  t.notOk(await isLocked(customer.addresses))
})

t.test('S6: every confirmed address gets one notification of a lockout, with its times', async (t) => {
  const customer = await service.customer({ phones: ['+447700900602'], unconfirmed: ['not.yet@example.com'] })
  await guessTimes(customer, 5)
  t.same(await notificationsOf(customer), [])
  const challengeId = await service.restoreOf(customer.id)
  await race(3, () => guessAll(challengeId))
  await counted(customer, 10)
  await everythingHandled()
  const notifications = await notificationsOf(customer)
  const recipients = await Promise.all(
    notifications.map(({ id, data }) => service.openAddress<{ to: string }>(id ?? '', data.recipient ?? '')),
  )
  t.same(recipients.map(({ to }) => to).toSorted(), customer.addresses.toSorted())
  const [notification] = notifications
  const lastsMs = Date.parse(notification?.data.blockedUntil ?? '') - Date.parse(notification?.data.blockedFrom ?? '')
  t.equal(lastsMs, 10 * minuteMs)
  t.match(recipients[0], { locale: 'en-GB', timezone: 'Europe/London' })

  await guessTimes(customer, 5)
  t.equal((await notificationsOf(customer)).length, 2, 'codes during a lockout do not count')
  clock.advance(10 * minuteMs)
  await guessTimes(customer, 5)
  t.equal((await notificationsOf(customer)).length, 2, 'the next lockout begins with the twentieth')
  await guessTimes(customer, 5)
  t.equal((await notificationsOf(customer)).length, 4)
})

t.test('S6: a duplicate event of a wrong code counts once', async (t) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  for (let time = 0; time < 3; time += 1) await guess(challengeId, 1)
  await guess(challengeId, 2)
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, 2)
})

t.test('S6: wrong codes that arrive before their request count once it arrives', async (t) => {
  const customer = await service.customer({ phones: ['+447700900603'] })
  const [email = '', phone = ''] = customer.addresses
  const [first, second] = [systemRandom.id(), systemRandom.id()]
  await Promise.all([guessAll(first), guessAll(second)])
  await everythingHandled()
  t.same(await failuresOf(customer), [], 'their customer is not known yet')
  await requestRestore(email, { challengeId: first })
  await requestRestore(phone, { challengeId: second })
  await counted(customer, 10)
  t.ok(await isLocked(customer.addresses))
  t.equal((await notificationsOf(customer)).length, 2)
})

t.test('S6: a restore resets the wrong codes before it, also those that arrive after it', async (t) => {
  const customer = await service.customer()
  await guessTimes(customer, 5)
  const challengeId = await service.restoreOf(customer.id)
  const before = clock.now()
  clock.advance(1_000)
  t.equal((await restore(challengeId)).status, 204)
  t.same(await failuresOf(customer), [])
  for (let attempt = 1; attempt < mostAttempts; attempt += 1) await guess(challengeId, attempt, { at: before })
  await everythingHandled()
  t.same(await failuresOf(customer), [])
  t.same(await query('SELECT 1 FROM restore_failure WHERE challenge_id = $1', [challengeId]), [])

  clock.advance(1_000)
  await guessTimes(customer, 5)
  t.notOk(await isLocked(customer.addresses), 'the restore between them reset the first five')
})

t.test('S6: a right code resets the wrong ones before it, in any order of arrival', async (t) => {
  const customer = await service.customer()
  await guessTimes(customer, 5)
  const challengeId = await service.restoreOf(customer.id)
  const before = clock.now()
  clock.advance(1_000)
  await answerRight(challengeId)
  await counted(customer, 0)
  clock.advance(1_000)
  await guess(challengeId, 1, { at: before })
  const another = await service.restoreOf(customer.id)
  await guess(another, 1)
  await counted(customer, 1)
  await answerRight(another, before)
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, 1, 'later ones count')
})

t.test('S6: a wrong code before a reset does not count, also if it arrives while another is counted', async (t) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  const before = clock.now()
  clock.advance(1_000)
  await answerRight(challengeId)
  const wasReset = () => query('SELECT 1 FROM customer WHERE id = $1 AND forgiven_at IS NOT NULL', [customer.id])
  await eventually(async () => (await wasReset()).length === 1, { what: 'the wrong codes to be reset' })
  const record = (attempt: number) =>
    query('INSERT INTO restore_failure VALUES ($1, $2, NULL, $3)', [challengeId, attempt, before])
  await record(1)
  const holder = new pg.Client({ connectionString: service.variables.DATABASE_URL })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('BEGIN')
  await holder.query('SELECT 1 FROM restore_failure WHERE challenge_id = $1 FOR UPDATE', [challengeId])
  await guess(challengeId, 1, { at: before })
  const waiting = () =>
    query(`SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
  await eventually(async () => (await waiting()).length > 0, { what: 'the first to be counted' })
  await record(2)
  await holder.query('COMMIT')
  await everythingHandled()
  t.same(await failuresOf(customer), [])
})

t.test('S6: a right code during a lockout restores nothing; one from before it does', async (t) => {
  const customer = await service.customer()
  const challenges = await race(2, () => service.restoreOf(customer.id))
  const [guessed = '', owned = ''] = challenges
  const earlier = Math.floor(clock.now().getTime() / 1_000)
  clock.advance(2_000)
  await guessTimes(customer, 10)
  const refused = await restore(guessed)
  t.match(refused, { status: 403, body: { code: 'success_token_refused' } })
  t.match(service.logged('authn_password_restore_fail').at(-1), { reason: 'locked out' })
  await answerRight(guessed)
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, 10, 'it resets nothing')
  t.equal((await restore(owned, { iat: earlier })).status, 204)
})

t.test(
  "S6: wrong codes of sign-ins, changes and unknown usernames do not count against a customer's restore",
  async (t) => {
    const customer = await service.customer()
    const challengeId = await service.restoreOf(customer.id)
    await guess(challengeId, 1, { purpose: 'login' })
    await guess(challengeId, 2, { purpose: 'change' })
    const unknown = await requestRestore('nobody@example.com')
    await guessAll(unknown)
    await everythingHandled()
    t.same(await failuresOf(customer), [])
    const rows = await query('SELECT customer_id FROM restore_failure WHERE challenge_id = $1', [unknown])
    t.same(rows, Array(mostAttempts).fill({ customer_id: null }))
  },
)

t.test('S6: concurrent wrong codes are counted one by one, also by two instances', async (t) => {
  await service.startAnother()
  const customer = await service.customer()
  const challenges = await race(5, () => service.restoreOf(customer.id))
  await Promise.all(challenges.map((challengeId) => guessAll(challengeId)))
  await counted(customer, 25)
  t.equal((await notificationsOf(customer)).length, 1, 'one lockout, at the tenth')
})
