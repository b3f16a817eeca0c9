import { LoginFailed, readEventTime } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startBroker } from './broker.fixture.ts'
import { deadLettersOf, openWork, publishLogin } from './consumer.fixture.ts'
import { consume, PermanentError } from './consumer.ts'
import { messageOf } from './publisher.ts'

t.test('a handled event is acknowledged', async (t) => {
  const parts = await startBroker(t)
  const seen: string[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    handle: async ({ account }, { eventId }) => void seen.push(`${account} ${eventId}`),
  })
  t.teardown(() => consumer.close())
  await publishLogin(parts, 'a', 'id-a')
  await eventually(() => seen.length === 1)
  await eventually(async () => (await openWork(parts)) === 0)
  t.same(seen, ['a id-a'])
})

t.test('a failing event is retried with backoff', async (t) => {
  const parts = await startBroker(t)
  const attempts: number[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    async handle() {
      attempts.push(Date.now())
      if (attempts.length < 3) throw new Error('not now')
    },
  })
  t.teardown(() => consumer.close())
  await publishLogin(parts, 'a')
  await eventually(() => attempts.length === 3)
  await eventually(async () => (await openWork(parts)) === 0)
  const [first = 0, second = 0, third = 0] = attempts
  t.ok(second - first >= 240, 'first after 250 ms')
  t.ok(third - second >= 990, 'then after 1 s')
  t.same(await deadLettersOf(parts), [])
})

t.test('messages that wait for a retry do not delay others', async (t) => {
  const parts = await startBroker(t)
  const concurrency = 8
  const tries = new Map<string, number>()
  const handled = new Set<string>()
  const bad = Array.from({ length: 3 * concurrency }, (_, index) => `bad ${index}`)
  const good = Array.from({ length: 200 }, (_, index) => `good ${index}`)
  for (const account of [...bad, ...good]) await publishLogin(parts, account)
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency,
    async handle({ account }) {
      tries.set(account, (tries.get(account) ?? 0) + 1)
      if (account.startsWith('bad')) throw new Error('not now')
      handled.add(account)
    },
  })
  t.teardown(() => consumer.close())
  await eventually(() => handled.size === good.length, { what: 'the good messages to be handled' })
  t.equal([...tries.values()].filter((count) => count > 0).length, bad.length + good.length)
  await eventually(() => bad.every((account) => (tries.get(account) ?? 0) >= 3), {
    what: 'each bad message to be retried',
  })
  t.same(await deadLettersOf(parts), [])
})

t.test('an event that is old at its first failure is retried like any other', async (t) => {
  const parts = await startBroker(t)
  let attempts = 0
  const consumer = consume(
    { ...parts.deps, retryMs: 0 },
    {
      event: LoginFailed,
      concurrency: 8,
      async handle() {
        attempts += 1
        if (attempts < 3) throw new Error('not now')
      },
    },
  )
  t.teardown(() => consumer.close())
  await publishLogin(parts, 'a')
  await eventually(async () => attempts === 3 && (await openWork(parts)) === 0)
  t.same(await deadLettersOf(parts), [])
})

t.test('an event with a permanent error becomes a dead letter with its reason, and is not redelivered', async (t) => {
  const parts = await startBroker(t)
  let attempts = 0
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    async handle() {
      attempts += 1
      throw new PermanentError('no such\nthing')
    },
  })
  t.teardown(() => consumer.close())
  await publishLogin(parts, 'a', 'id-a')
  const [letter] = await eventually(async () => {
    const letters = await deadLettersOf(parts)
    return letters.length === 1 ? letters : undefined
  })
  t.equal(letter?.subject, 'dead.auth.login.failed')
  t.equal(letter?.header.get('rekey-reason'), 'no such thing')
  t.equal(letter?.header.get('ce-id'), 'id-a')
  t.match(letter?.string(), '"account":"a"')
  await eventually(async () => (await openWork(parts)) === 0)
  t.equal(attempts, 1)
})

t.test('data that is not JSON or does not match the contract becomes a dead letter', async (t) => {
  const parts = await startBroker(t)
  let handled = 0
  const consumer = consume(parts.deps, { event: LoginFailed, concurrency: 8, handle: async () => void handled++ })
  t.teardown(() => consumer.close())
  await publishLogin(parts, 'a')
  const jetstream = (await parts.broker.connected()).jetstream()
  await jetstream.publish(LoginFailed.type, '{"account":')
  await jetstream.publish(LoginFailed.type, '{"account":1}')
  const letters = await eventually(async () => {
    const found = await deadLettersOf(parts)
    return found.length === 2 ? found : undefined
  })
  t.same(letters.map((letter) => letter.header.get('rekey-reason')).sort(), [
    'the data does not match the contract',
    'the data is not JSON',
  ])
  t.equal(handled, 1)
})

t.test('the time of an event is RFC 3339, between the years 1970 and 9999', async (t) => {
  for (const text of ['2026-11-26T06:20:34.123Z', '1970-01-01T00:00:00Z', '9999-12-31T23:59:59+00:00']) {
    t.equal(readEventTime(text).getTime(), Date.parse(text), text)
  }
  const invalid = ['', 'now', '0', '2026', '2026-11-26', '2026-13-26T06:20:34Z', 'Thu, 26 Nov 2026 06:20:34 GMT']
  const outside = [
    '1969-12-31T23:59:59Z',
    '0000-01-01T00:00:00Z',
    '+012026-11-26T06:20:34Z',
    '9999-12-31T23:59:59-01:00',
  ]
  for (const text of [...invalid, ...outside]) t.ok(Number.isNaN(readEventTime(text).getTime()), text)
})

t.test('S47: an event of another type, or with a time beyond the clock, is not believed', async (t) => {
  const parts = await startBroker(t)
  const handled: string[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    handle: async ({ account }) => void handled.push(account),
  })
  t.teardown(() => consumer.close())
  const connection = await parts.broker.connected()
  const publish = async (account: string, { type = LoginFailed.type, aheadMs = 0 }) => {
    const event = parts.publisher.event(LoginFailed, {
      subject: account,
      data: { account, clientId: 'ib_localhost', ip: '203.0.113.7' },
    })
    const { data, headers } = messageOf({ ...event, type, time: new Date(Date.now() + aheadMs) })
    await eventually(async () => connection.jetstream().publish(LoginFailed.type, data, { headers }))
  }
  // As a stream with `republish` or `sources` would put another event on this subject.
  await publish('rerouted', { type: 'auth.limit.exceeded' })
  await publish('without a type', { type: '' })
  await publish('tomorrow', { aheadMs: 86_400_000 })
  await publish('a fast clock', { aheadMs: 240_000 })
  await publish('yesterday', { aheadMs: -86_400_000 })
  await eventually(async () => handled.length === 2 && (await deadLettersOf(parts)).length === 3)
  t.same(handled.toSorted(), ['a fast clock', 'yesterday'])
  const reasons = (await deadLettersOf(parts)).map(({ header }) => header.get('rekey-reason'))
  t.same(reasons.toSorted(), [
    'ce-time is in the future',
    'ce-type is auth.limit.exceeded, not the subject',
    'ce-type is missing, not the subject',
  ])
})
