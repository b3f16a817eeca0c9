import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import { poolOf } from '@rekey/test-support/pool'
import fc from 'fast-check'
import t from 'tap'
import { loopOptions, openDatabase } from '../database.ts'
import { createRestoreSends, type DecidedSend, type Send } from './restore-sends.ts'

const { postgres } = await startInfrastructure(t, { postgres: true })
const allowance = 4
const at = new Date()
const inAnHour = new Date(at.getTime() + 3_600_000)

/** An instance of the service, with connections of its own. */
const open = () => {
  const database = openDatabase({
    ...loopOptions,
    url: postgres.url,
    log: createLogger({ name: 'test', level: 'silent' }),
  })
  t.teardown(() => database.close())
  return createRestoreSends({ loops: database, quota: { allowance, windowMs: 3_600_000 }, scale: 1 })
}
const instances = [open(), open()] as const
const [one] = instances

const toSend = (value: string, { challengeId = systemRandom.id(), knownNetwork }: Partial<SendOptions> = {}): Send => ({
  address: { kind: value.includes('@') ? 'email' : 'phone', value },
  code: {
    challengeId,
    sendNumber: 1,
    purpose: 'restore',
    to: { channel: 'email', maskedTo: 'a*b@example.com' },
    askedAt: at,
    expiresAt: inAnHour,
  },
  knownNetwork,
  keptUntil: inAnHour,
})
interface SendOptions {
  challengeId: string
  knownNetwork: string
}

/** Decides as the service does: what is busy waits, and the rest is not asked again. */
const decideAll = async (sends: Send[], instance = one): Promise<DecidedSend[]> => {
  const decided = await instance.decide(sends, at)
  const busy = sends.filter((_, place) => decided[place]?.verdict === 'busy')
  return busy.length > 0
    ? [...decided.filter(({ verdict }) => verdict !== 'busy'), ...(await decideAll(busy, instance))]
    : decided
}

const rowsOf = async (table: 'restore_send' | 'restore_request' | 'message', { id }: TestCustomer) =>
  (await sql<{ count: number }>(postgres.url, `SELECT count(*)::int FROM ${table} WHERE customer_id = $1`, [id]))[0]
    ?.count

t.test('S7: the quota of each customer holds while two instances decide about overlapping batches', async (t) => {
  // The place of a customer, or an unknown username.
  const batch = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 12 })
  const property = fc.asyncProperty(fc.array(batch, { minLength: 2, maxLength: 6 }), async (batches) => {
    const customers = await Promise.all(Array.from({ length: 4 }, () => createCustomer(postgres.url)))
    const usernameOf = (place: number, index: number) =>
      customers[place]?.[index % 2 ? 'email' : 'phone'] ?? 'nobody@example.com'
    const sends = batches.map((places) => places.map((place, index) => toSend(usernameOf(place, index))))
    const race = () => Promise.all(sends.map((batch, index) => decideAll(batch, instances[index % 2 ? 1 : 0])))
    const decided = (await race()).flat()
    for (const [place, customer] of customers.entries()) {
      const wanted = batches.flat().filter((asked) => asked === place).length
      const sent = decided.filter(({ verdict, owner }) => verdict === 'send' && owner?.id === customer.id)
      t.equal(sent.length, Math.min(wanted, allowance))
      t.equal(await rowsOf('restore_send', customer), sent.length)
      t.equal(await rowsOf('restore_request', customer), sent.length)
      t.equal(await rowsOf('message', customer), sent.length)
    }
    // Redelivered, because the instances ended before they acknowledged.
    const again = (await race()).flat()
    for (const customer of customers) {
      const sent = again.filter(({ verdict, owner }) => verdict === 'send' && owner?.id === customer.id)
      t.equal(sent.length, await rowsOf('restore_send', customer), 'each code counts once')
    }
  })
  await fc.assert(property, { numRuns: 6 })
})

t.test('a customer whom another transaction has locked delays no other', async (t) => {
  const [locked, other] = await Promise.all([createCustomer(postgres.url), createCustomer(postgres.url)])
  const client = await poolOf(postgres.url).connect()
  await client.query('BEGIN')
  await client.query('SELECT FROM customer WHERE id = $1 FOR UPDATE', [locked.id])
  const sends = [toSend(locked.email), toSend(other.email), toSend('nobody@example.com')]
  t.same(
    (await one.decide(sends, at)).map(({ verdict }) => verdict),
    ['busy', 'send', 'unreachable'],
  )
  await client.query('ROLLBACK')
  client.release()
  t.equal(await rowsOf('restore_send', locked), 0)
  t.match(await one.decide(sends.slice(0, 1), at), [{ verdict: 'send', owner: { id: locked.id, code: locked.code } }])
})

t.test('S39: codes for a known network have a quota of their own', async (t) => {
  const { email } = await createCustomer(postgres.url)
  const strangers = Array.from({ length: 6 }, () => toSend(email))
  const owner = toSend(email, { knownNetwork: 'home' })
  t.same(
    (await one.decide([...strangers, owner], at)).map(({ verdict }) => verdict),
    ['send', 'send', 'send', 'send', 'limit', 'limit', 'send'],
  )
})

t.test('S7: a batch that fails counts nothing', async (t) => {
  const customer = await createCustomer(postgres.url)
  const invalid = toSend(customer.email, { knownNetwork: '\u0000' })
  await t.rejects(one.decide([toSend(customer.email), invalid], at), { name: 'InvalidData' })
  t.equal(await rowsOf('restore_send', customer), 0)
  t.match(await one.decide([toSend(customer.email)], at), [{ verdict: 'send' }])
})

t.test('B13: a code of a blocked customer is logged as suppressed, and recorded nowhere else', async (t) => {
  const customer = await createCustomer(postgres.url, { status: 'blocked' })
  t.match(await one.decide([toSend(customer.email)], at), [{ verdict: 'blocked' }])
  t.equal(await rowsOf('restore_send', customer), 0)
  t.equal(await rowsOf('restore_request', customer), 0)
  t.match(await sql(postgres.url, 'SELECT status, reason FROM message WHERE customer_id = $1', [customer.id]), [
    { status: 'suppressed', reason: 'blocked' },
  ])
})
