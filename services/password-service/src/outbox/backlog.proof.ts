import { setTimeout as delay } from 'node:timers/promises'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { fillOutbox } from './turnover.fixture.ts'

const waiting = 1_000_000
const leastPerSecond = 3_000
/** Ten times the time at that rate. */
const timeoutMs = 3_300_000

t.setTimeout(timeoutMs)

interface Sample {
  atMs: number
  published: number
}

t.test(`S24: three relays publish a backlog of ${waiting} events in order while passwords change`, async (t) => {
  const service = await startPasswordService(t, { privatePostgres: true })
  const client = new pg.Client({ connectionString: service.variables.DATABASE_URL })
  await client.connect()
  t.teardown(() => client.end())
  const customers = await Promise.all(Array.from({ length: 5 }, () => service.customer()))
  await service.app.close()
  t.comment(`correlation of ids and order on disk: ${await fillOutbox(client, waiting)}`)

  const relays = await Promise.all([1, 2, 3].map((number) => service.startProcess(number)))
  const startedAtMs = performance.now()
  const count = async (): Promise<Sample> => {
    // Reading the table would add load to the measured database.
    const jsm = await (await service.broker.connected()).jetstreamManager({ timeout: 10_000 })
    const { state } = await jsm.streams.info('PASSWORD')
    return { atMs: performance.now() - startedAtMs, published: state.messages }
  }

  const answers: number[] = []
  const samples = [await count()]
  for (let last = samples[0]; last && last.published < waiting && last.atMs < timeoutMs; last = samples.at(-1)) {
    const customer = customers[samples.length % customers.length]
    const [origin] = relays
    if (customer && origin) answers.push((await service.change(customer, origin.url)).status)
    await delay(500)
    samples.push(await count())
    if (samples.length % 20 === 0) t.comment(`${last.published} published after ${Math.round(last.atMs / 1_000)} s`)
  }
  const end = samples.at(-1)
  const seconds = (end?.atMs ?? Number.NaN) / 1_000
  const perSecond = Math.round((end?.published ?? 0) / seconds)
  t.ok((end?.published ?? 0) >= waiting, 'every event was published')
  t.ok(perSecond >= leastPerSecond, `${perSecond} events a second over ${Math.round(seconds)} s`)
  const last = samples.filter(({ published }) => published >= waiting * 0.9)
  const [from] = last
  if (from && end) {
    const atTheEnd = Math.round(((end.published - from.published) * 1_000) / (end.atMs - from.atMs))
    t.ok(atTheEnd >= leastPerSecond, `${atTheEnd} a second over the last tenth`)
  }
  t.ok(answers.length > 0 && answers.every((status) => status === 204), `${answers.length} passwords were changed`)

  await service.outboxEmpty()
  const lastNumbers = new Map<string, number>()
  let outOfOrder = 0
  let stored = 0
  const jsm = await (await service.broker.connected()).jetstreamManager({ timeout: 10_000 })
  const consumer = await (await service.broker.connected()).jetstream().consumers.get('PASSWORD', {
    filterSubjects: 'account.identifiers-changed',
  })
  const { num_pending: total } = await consumer.info()
  const messages = await consumer.consume({ max_messages: 10_000 })
  for await (const message of messages) {
    const { n } = message.json<{ n: number }>()
    const subject = message.headers?.get('ce-subject') ?? ''
    if (n <= (lastNumbers.get(subject) ?? 0)) outOfOrder += 1
    lastNumbers.set(subject, n)
    stored += 1
    if (stored === total) break
  }
  t.equal(stored, waiting, 'each event is stored once')
  t.equal(outOfOrder, 0, 'the events of a customer are in order')
  await jsm.streams.purge('PASSWORD')
})
