import { isDeepStrictEqual } from 'node:util'
import { type EventData, type MessageOutcome, messageOutcomes, messageStatuses } from '@rekey/contracts'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import fc from 'fast-check'
import t from 'tap'
import { openDatabase } from '../database.ts'
import { logCode, recordOutcomes } from './messages.store.ts'

const { postgres } = await startInfrastructure(t, { postgres: true })
const database = openDatabase({
  url: postgres.url,
  poolSize: 4,
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

/** Logs a new message. @returns its id, and a function that reads its row */
const newMessage = async () => {
  const challengeId = systemRandom.id()
  const to = { channel: 'email', maskedTo: 'a*b@example.com' } as const
  await logCode(database, customerId, { challengeId, sendNumber: 2, purpose: 'login', to, askedAt, expiresAt: askedAt })
  const read = async () => {
    const [row] = await sql<{ status: string; attempts: number }>(
      postgres.url,
      'SELECT status, status_at, reason, attempts FROM message WHERE ref = $1',
      [challengeId],
    )
    return row
  }
  return { messageId: `${challengeId}.2`, read }
}

/** The row of a new message after these reports, one after the other. */
const rowAfter = async (reports: Report[]) => {
  const { messageId, read } = await newMessage()
  for (const one of reports) await recordOutcomes(database, [{ messageId, customerId, ...one }])
  return read()
}

const reordered = fc
  .array(report, { minLength: 1, maxLength: 5 })
  .chain((reports) =>
    fc.tuple(fc.constant(reports), fc.shuffledSubarray(reports, { minLength: reports.length }), fc.subarray(reports)),
  )

t.test('B13: reports of a message leave the same row in any order and however often they arrive', async (t) => {
  const holds = fc.asyncProperty(reordered, async ([reports, shuffled, repeated]) => {
    return isDeepStrictEqual(await rowAfter([...repeated, ...shuffled, ...repeated]), await rowAfter(reports))
  })
  await t.resolves(fc.assert(holds, { numRuns: 60 }))
})

const ofTwoMessages = fc.array(fc.record({ report, message: fc.nat(1), startsBatch: fc.boolean() }), {
  minLength: 1,
  maxLength: 10,
})

t.test('B13: reports of many messages at a time leave the same rows as one after the other', async (t) => {
  const holds = fc.asyncProperty(ofTwoMessages, async (reports) => {
    const messages = await Promise.all([newMessage(), newMessage()])
    const batches: Parameters<typeof recordOutcomes>[1][number][][] = []
    for (const { report, message, startsBatch } of reports) {
      const outcome = { messageId: messages[message]?.messageId ?? '', customerId, ...report }
      const batch = batches.at(-1)
      if (batch && !startsBatch) batch.push(outcome)
      else batches.push([outcome])
    }
    const stranger = { messageId: systemRandom.id(), customerId, status: 'refused', at: at(1), attempts: 1 } as const
    await Promise.all(batches.map((batch) => recordOutcomes(database, [stranger, ...batch, stranger])))
    const rows = await Promise.all(messages.map(({ read }) => read()))
    const expected = await Promise.all(
      messages.map((_message, index) =>
        rowAfter(reports.filter(({ message }) => message === index).map(({ report }) => report)),
      ),
    )
    return isDeepStrictEqual(rows, expected)
  })
  await t.resolves(fc.assert(holds, { numRuns: 25 }))
})

t.test('B13: a report that names another customer leaves the message as it is', async (t) => {
  const { messageId, read } = await newMessage()
  const before = await read()
  const forged = { messageId, customerId: customerId + 1, status: 'refused', at: at(1), attempts: 1 } as const
  await recordOutcomes(database, [forged])
  t.same(await read(), before)
})

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

t.test('B13: a bounce names no customer, and is stronger than the hand-over, in any order and together', async (t) => {
  const { messageId, read } = await newMessage()
  const other = await newMessage()
  const handedOver = { messageId, customerId, status: 'handed_over', at: at(1), attempts: 1, answer: '250 Ok' } as const
  const bounced = { messageId, status: 'bounced', at: at(3), attempts: 0, answer: '550 5.1.1 unknown address' } as const
  await recordOutcomes(database, [bounced])
  await recordOutcomes(database, [handedOver])
  const expected = { status: 'bounced', status_at: new Date(at(3)), reason: bounced.answer, attempts: 1 }
  t.same(await read(), expected)
  await recordOutcomes(database, [
    { ...bounced, messageId: other.messageId },
    { ...handedOver, messageId: other.messageId },
    { ...bounced, messageId: systemRandom.id() },
  ])
  t.same(await other.read(), expected)
})

t.test('B13: Postgres compares statuses in the order of the contract', async (t) => {
  const [row] = await sql<{ order: string[] }>(
    postgres.url,
    'SELECT enum_range(NULL::message_status)::text[] AS "order"',
  )
  t.same(row?.order, messageStatuses)
})
