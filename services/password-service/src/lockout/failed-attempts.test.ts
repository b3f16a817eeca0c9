import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { race } from '@rekey/test-support/flows'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { afterAnswer } from '../after-answer.ts'
import { createGuesses, mostAttempts } from './failed-attempts.fixture.ts'

const service = await startPasswordService(t)
const { query, clock } = service
const {
  guess,
  answerRight,
  guessAll,
  failuresOf,
  counted,
  guessTimes,
  isLocked,
  restore,
  notificationsOf,
  requestRestore,
  sent,
  everythingHandled,
} = createGuesses(service)

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

t.test('S6: a duplicate event of a wrong code counts once', async (t) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  const at = clock.now()
  for (let time = 0; time < 3; time += 1) await guess(challengeId, 1, { at })
  await guess(challengeId, 2)
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, 2)
})

t.test('S6 S53: wrong codes count although the gateway gives each the same number, and each once', async (t) => {
  const customer = await service.customer()
  const challengeId = await service.restoreOf(customer.id)
  const begin = clock.now().getTime()
  for (let index = 0; index < 10; index += 1) {
    const at = new Date(begin - index * 1_000)
    await Promise.all([guess(challengeId, 1, { at }), guess(challengeId, 1, { at })])
  }
  await counted(customer, 10)
  await everythingHandled()
  t.equal((await failuresOf(customer)).length, 10)
  t.ok(await isLocked(customer.addresses))
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
