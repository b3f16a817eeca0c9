import { ChallengeVerified } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import fc from 'fast-check'
import pg from 'pg'
import t from 'tap'
import { createGuesses } from './failed-attempts.fixture.ts'
import { resetUpTo } from './right-codes.ts'

const service = await startPasswordService(t)
const { query, clock } = service
const { answerRight, failedBefore, failuresOf, restore, everythingHandled } = createGuesses(service)

/** A customer with wrong codes, none of which locks restore any more, and an open restore. */
const guessed = async (count: number) => {
  const customer = await service.customer()
  await failedBefore(customer, count)
  return { customer, challengeId: await service.restoreOf(customer.id) }
}
type Guessed = Awaited<ReturnType<typeof guessed>>
const countsOf = (all: Guessed[]) => Promise.all(all.map(async ({ customer }) => (await failuresOf(customer)).length))

/** Locks the row of a customer as another transaction does. @returns the function that ends it */
const hold = async ({ customer }: Guessed) => {
  const holder = new pg.Client({ connectionString: service.variables.DATABASE_URL })
  await holder.connect()
  t.teardown(() => holder.end())
  await holder.query('BEGIN')
  await holder.query('SELECT 1 FROM customer WHERE id = $1 FOR UPDATE', [customer.id])
  return () => holder.query('COMMIT')
}

t.test('S6: right codes that are decided together have the result of each by itself', async (t) => {
  const times = fc.array(fc.integer({ min: 0, max: 3_000_000 }), { maxLength: 30 })
  const toDate = (ms: number) => new Date(1_800_000_000_000 + ms)
  fc.assert(
    fc.property(times, times, fc.integer({ min: 0, max: 30 }), (failed, right, split) => {
      const failures = failed.map(toDate)
      const inOrder = right.toSorted((one, other) => one - other).map(toDate)
      const together = resetUpTo(failures, right.map(toDate), 1)
      const first = resetUpTo(failures, inOrder.slice(0, split), 1)
      const left = failures.filter((failedAt) => !first || failedAt > first)
      t.same(together, resetUpTo(left, inOrder.slice(split), 1) ?? first)
    }),
  )
})

t.test('S6: a right code that fails, waits or comes again harms no other that is handled with it', async (t) => {
  await everythingHandled()
  const all = await Promise.all(Array.from({ length: 12 }, (_, index) => guessed(1 + (index % 9))))
  const [busy, ...others] = all
  if (!busy) throw new Error('no customer')
  const commit = await hold(busy)
  const data = { challengeId: busy.challengeId, purpose: 'restore', clientId: 'ib_localhost', ip: '203.0.113.7' }
  const withoutTime = { ...data, challengeId: systemRandom.id() }
  const js = (await service.broker.connected()).jetstream()
  await Promise.all([
    ...all.flatMap(({ challengeId }) => [answerRight(challengeId), answerRight(challengeId)]),
    answerRight(systemRandom.id()),
    js.publish(ChallengeVerified.type, JSON.stringify(withoutTime)),
  ])
  await eventually(async () => (await countsOf(others)).every((count) => count === 0), { what: 'the others' })
  t.same(await countsOf([busy]), [1], 'not reset while another transaction has the customer')
  await commit()
  await everythingHandled()
  t.same(
    await countsOf(all),
    all.map(() => 0),
  )
  const jsm = await (await service.broker.connected()).jetstreamManager()
  const letter = await jsm.streams.getMessage('DEAD', { last_by_subj: `dead.${ChallengeVerified.type}` })
  t.match(letter.json(), withoutTime, 'only the event without a time is a dead letter')
})

t.test('S6: a right code and the new password that it allows leave the same, whichever is first', async (t) => {
  await everythingHandled()
  const all = await Promise.all(Array.from({ length: 8 }, (_, index) => guessed(index)))
  clock.advance(1_000)
  const statuses = await Promise.all(
    all.map(async ({ challengeId }) => {
      const [{ status }] = await Promise.all([restore(challengeId), answerRight(challengeId)])
      return status
    }),
  )
  t.same(
    statuses,
    all.map(() => 204),
  )
  await everythingHandled()
  t.same(
    await countsOf(all),
    all.map(() => 0),
  )
  const forgiven = await query('SELECT 1 FROM customer WHERE id = ANY($1) AND forgiven_at IS NOT NULL', [
    all.map(({ customer }) => customer.id),
  ])
  t.equal(forgiven.length, all.length)
})
