import { LoginFailed, unavailable } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t, { type Test } from 'tap'
import { startBroker } from './broker.fixture.ts'
import { consumeTogether, type Received } from './consume-together.ts'
import { consumerInfo, deadLettersOf, openWork, publishLogin, takeOver } from './consumer.fixture.ts'
import { LaterError, PermanentError } from './consumer.ts'
import { currentTraceId } from './trace.ts'

type Event = Received<typeof LoginFailed>
type Handle = (events: readonly Event[]) => Promise<readonly unknown[]>

const accountsOf = (events: readonly Event[]) => events.map(({ data }) => data.account)

/** Starts a broker on which these accounts' events wait, and consumes them together. */
const start = async (t: Test, accounts: string[], handle: Handle, most = 16) => {
  const parts = await startBroker(t)
  for (const account of accounts) await publishLogin(parts, account, account)
  const consumer = consumeTogether(parts.deps, { event: LoginFailed, most, handle })
  t.teardown(() => consumer.close())
  return { parts, consumer }
}

const letters = async (parts: Awaited<ReturnType<typeof startBroker>>) =>
  (await deadLettersOf(parts)).map((letter) => `${letter.header.get('rekey-reason')}: ${letter.string()}`).toSorted()

t.test('events that fail or cannot be read harm no other event of their batch', async (t) => {
  const good = Array.from({ length: 12 }, (_, index) => `good ${index}`)
  const handled: string[] = []
  const tries = new Map<string, number>()
  const { parts } = await start(t, [], async (events) => {
    const accounts = accountsOf(events)
    for (const account of accounts) tries.set(account, (tries.get(account) ?? 0) + 1)
    // As a statement that Postgres refuses because of one row.
    if (accounts.includes('refused')) throw new PermanentError('invalid data')
    return accounts.map((account) => {
      const first = tries.get(account) === 1
      if (account === 'permanent') return new PermanentError('never')
      if (account === 'failing' && first) return new Error('not now')
      if (account === 'later' && first) return new LaterError(20)
      handled.push(account)
      return undefined
    })
  })
  const others = ['refused', 'permanent', 'failing', 'later']
  for (const [index, account] of good.entries()) {
    await publishLogin(parts, account, account)
    const other = others[index]
    if (other) await publishLogin(parts, other, other)
  }
  await parts.broker.connection().jetstream().publish(LoginFailed.type, '{"account":1}')
  await eventually(async () => handled.length === good.length + 2 && (await openWork(parts)) === 0)
  t.same(handled.toSorted(), [...good, 'failing', 'later'].toSorted(), 'each once')
  t.same(
    (await letters(parts)).map((letter) => /^[^:]+: \{"account":"?([^",]+)/.exec(letter)?.slice(0, 2).join(' ')),
    [
      'invalid data: {"account":"refused refused',
      'never: {"account":"permanent permanent',
      'the data does not match the contract: {"account":1} 1}',
    ],
  )
})

t.test('a batch that takes too long is retried in smaller batches, until each event is handled', async (t) => {
  const accounts = Array.from({ length: 40 }, (_, index) => String(index))
  const handled: string[] = []
  const sizes: number[] = []
  const { parts } = await start(t, accounts, async (events) => {
    sizes.push(events.length)
    if (events.length > 8) throw unavailable(new Error('timeout'))
    handled.push(...accountsOf(events))
    return []
  })
  await eventually(async () => handled.length === accounts.length && (await openWork(parts)) === 0)
  t.same(handled.toSorted(), accounts.toSorted())
  t.ok(Math.max(...sizes) > 8 && Math.max(...sizes) <= 16, `at most ${Math.max(...sizes)} at a time`)
  t.same(await letters(parts), [])
})

t.test('an event does not wait for more; what arrives during a batch is the next one; closing waits', async (t) => {
  const batches: string[][] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  let running = 0
  const { parts, consumer } = await start(t, ['first'], async (events) => {
    running += 1
    t.equal(running, 1, 'one batch at a time')
    batches.push(accountsOf(events))
    await promise
    running -= 1
    return []
  })
  await eventually(() => batches.length === 1)
  const accounts = [...'abcdefgh']
  for (const account of accounts) await publishLogin(parts, account, account)
  await eventually(async () => (await consumerInfo(parts)).num_ack_pending === accounts.length + 1)
  const closed = consumer.close()
  resolve()
  await closed
  t.equal(running, 0)
  t.same(batches, [['first']])
  t.same((await takeOver(t, parts, accounts.length)).toSorted(), accounts, 'another instance gets the others')
})

t.test('work for an event is in the trace of the event', async (t) => {
  const traces = new Map<string, string | undefined>()
  const { parts } = await start(t, ['first'], async (events) => {
    for (const { data, inTrace } of events) traces.set(data.account, inTrace(currentTraceId))
    return []
  })
  const trace = (digit: string) => digit.repeat(32)
  for (const digit of '123') {
    const event = { subject: digit, data: { account: digit, clientId: 'ib_localhost', ip: '203.0.113.7' } }
    const traceparent = `00-${trace(digit)}-${digit.repeat(16)}-01`
    await parts.publisher.send({ ...parts.publisher.event(LoginFailed, event), traceparent })
  }
  await eventually(() => traces.size === 4)
  for (const digit of '123') t.equal(traces.get(digit), trace(digit))
})
