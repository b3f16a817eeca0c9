import { isDeepStrictEqual } from 'node:util'
import { type EventData, type MessageOutcome, messageOutcomes, messageStatuses } from '@rekey/contracts'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import fc from 'fast-check'
import t from 'tap'
import { loopOptions, openDatabase } from '../database.ts'
import { logCode, recordOutcomes } from './messages.store.ts'

const { postgres } = await startInfrastructure(t, { postgres: true })
const database = openDatabase({
  ...loopOptions,
  url: postgres.url,
  log: createLogger({ name: 'test', level: 'silent' }),
})
t.teardown(() => database.close())
const { id: customerId } = await createCustomer(postgres.url)
const askedAt = new Date('2026-11-26T09:30:00Z')

const at = (seconds: number) => new Date(askedAt.getTime() + seconds * 1_000).toISOString()

type Report = Pick<EventData<typeof MessageOutcome>, 'status' | 'at' | 'attempts' | 'answer'>

/** Few values, so that two reports often agree in one of them. */
const report: fc.Arbitrary<Report> = fc.record(
  {
    status: fc.constantFrom(...messageOutcomes),
    at: fc.integer({ min: 1, max: 4 }).map(at),
    attempts: fc.integer({ min: 0, max: 4 }),
    answer: fc.constantFrom('250 Ok', '451 4.7.1 Greylisted', '550 5.1.1 User unknown'),
  },
  { requiredKeys: ['status', 'at', 'attempts'] },
)

/** The row of a new message after these reports, so many at a time. */
const rowAfter = async (reports: Report[], together = 1) => {
  const challengeId = systemRandom.id()
  const to = { channel: 'email', maskedTo: 'a*b@example.com' } as const
  await logCode(database, customerId, { challengeId, sendNumber: 2, purpose: 'login', to, askedAt, expiresAt: askedAt })
  const outcomes = reports.map((one) => ({ messageId: `${challengeId}.2`, customerId, ...one }))
  for (let first = 0; first < outcomes.length; first += together) {
    await recordOutcomes(database, outcomes.slice(first, first + together))
  }
  const [row] = await sql<{ status: string; attempts: number }>(
    postgres.url,
    'SELECT status, status_at, reason, attempts FROM message WHERE ref = $1',
    [challengeId],
  )
  return row
}

const reordered = fc
  .array(report, { minLength: 1, maxLength: 5 })
  .chain((reports) =>
    fc.tuple(fc.constant(reports), fc.shuffledSubarray(reports, { minLength: reports.length }), fc.subarray(reports)),
  )

t.test(
  'B13: reports of a message leave the same row in any order, however often and in whatever batches',
  async (t) => {
    const holds = fc.asyncProperty(reordered, fc.integer({ min: 1, max: 12 }), async (orders, together) => {
      const [reports, shuffled, repeated] = orders
      return isDeepStrictEqual(
        await rowAfter([...repeated, ...shuffled, ...repeated], together),
        await rowAfter(reports),
      )
    })
    await t.resolves(fc.assert(holds, { numRuns: 60 }))
  },
)

t.test(
  'B13: a message that was handed over stays so, with the first time; a failure names the last answer',
  async (t) => {
    const at = (seconds: number) => new Date(askedAt.getTime() + seconds * 1_000).toISOString()
    const handedOver = { status: 'handed_over', at: at(2), attempts: 2, answer: '250 Ok' } as const
    t.match(
      await rowAfter([
        { status: 'deferred', at: at(9), attempts: 5, answer: '451 later' },
        { ...handedOver, at: at(7), attempts: 4 },
        handedOver,
        { status: 'refused', at: at(9), attempts: 3, answer: '550 no' },
      ]),
      { status: 'handed_over', status_at: new Date(at(2)), reason: '250 Ok', attempts: 5 },
    )
    t.match(
      await rowAfter([
        { status: 'deferred', at: at(3), attempts: 3, answer: '451 third' },
        { status: 'deferred', at: at(2), attempts: 2, answer: '451 second' },
      ]),
      { status: 'deferred', reason: '451 third', attempts: 3 },
    )
  },
)

t.test('B13: reports of other messages, and of other customers, in the same batch change nothing', async (t) => {
  const to = { channel: 'email', maskedTo: 'a*b@example.com' } as const
  const ids = Array.from({ length: 6 }, () => systemRandom.id())
  for (const challengeId of ids)
    await logCode(database, customerId, {
      challengeId,
      sendNumber: 2,
      purpose: 'login',
      to,
      askedAt,
      expiresAt: askedAt,
    })
  const report = { status: 'handed_over', at: at(1), attempts: 1 } as const
  await recordOutcomes(database, [
    { messageId: `${ids[0]}.2`, customerId, ...report },
    { messageId: `${ids[1]}.2`, customerId: customerId + 1, ...report },
    { messageId: `${ids[2]}.1`, customerId, ...report },
    { messageId: systemRandom.id(), customerId, ...report },
    { messageId: `${ids[3]}.2`, customerId, ...report, status: 'refused' },
  ])
  const rows = await sql<{ ref: string; status: string }>(
    postgres.url,
    'SELECT ref, status FROM message WHERE ref = ANY($1)',
    [ids],
  )
  t.same(
    ids.map((id) => rows.find(({ ref }) => ref === id)?.status),
    ['handed_over', 'waiting', 'waiting', 'refused', 'waiting', 'waiting'],
  )
})

t.test('B13: Postgres compares statuses in the order of the contract', async (t) => {
  const [row] = await sql<{ order: string[] }>(
    postgres.url,
    'SELECT enum_range(NULL::message_status)::text[] AS "order"',
  )
  t.same(row?.order, messageStatuses)
})
