import { deadLetters, LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { keepAsking } from '@rekey/test-support/load'
import t, { type Test } from 'tap'
import { startBroker } from './broker.fixture.ts'
import { consume, PermanentError } from './consumer.ts'

type Parts = Awaited<ReturnType<typeof startBroker>>

const publishLogin = ({ publisher }: Parts, account: string, id?: string) =>
  eventually(
    async () => {
      const fact = { subject: account, data: { account, clientId: 'ib_localhost', ip: '203.0.113.7' } }
      await publisher.publish(LoginFailed, id ? { ...fact, id } : fact)
      return true
    },
    { what: 'the event to be stored' },
  )

const deadLettersOf = async ({ broker }: Parts) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  const { state } = await jsm.streams.info(deadLetters.name)
  const numbers = Array.from({ length: state.messages }, (_, index) => state.first_seq + index)
  return Promise.all(numbers.map((seq) => jsm.streams.getMessage(deadLetters.name, { seq })))
}

/** What the broker knows of the consumer. */
const consumerInfo = async ({ broker }: Parts) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  return jsm.consumers.info('AUTH', 'test-auth-login-failed')
}

/** What the broker still wants an acknowledgement of, or has not delivered. */
const openWork = async (parts: Parts) => {
  const { num_ack_pending, num_pending } = await consumerInfo(parts)
  return num_ack_pending + num_pending
}

/** Another instance takes what a closed one left: once it has all of it, the closed one has had its chance. */
const takeOver = async (t: Test, parts: Parts, count: number) => {
  const taken: string[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    handle: async ({ account }) => void taken.push(account),
  })
  t.teardown(() => consumer.close())
  // What was on its way to the closed one is delivered again once its time to acknowledge is over.
  await eventually(() => taken.length >= count)
  return taken
}

t.test('an event that was handled is acknowledged', async (t) => {
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

t.test('an event whose handling failed is tried again, later each time', async (t) => {
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
  t.ok(second - first >= 240, 'a quarter of a second')
  t.ok(third - second >= 990, 'then a second')
  t.same(await deadLettersOf(parts), [])
})

t.test('messages that wait for their next try hold up no others', async (t) => {
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
  await eventually(() => handled.size === good.length, { what: 'the good ones to be handled' })
  t.equal([...tries.values()].filter((count) => count > 0).length, bad.length + good.length)
  await eventually(() => bad.every((account) => (tries.get(account) ?? 0) >= 3), { what: 'each bad one to be retried' })
  t.same(await deadLettersOf(parts), [])
})

t.test('an event that is old when its handling first fails is tried again like any other', async (t) => {
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

t.test('an event that is given up is a dead letter with its reason, and is not delivered again', async (t) => {
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

t.test('what is not JSON, or not as the contract says, is a dead letter', async (t) => {
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
  t.same(letters.map((letter) => letter.header.get('rekey-reason')).sort(), ['not JSON', 'not as the contract says'])
  t.equal(handled, 1)
})

t.test('no more are in hand than the consumer takes, and closing waits for them and takes no others', async (t) => {
  const parts = await startBroker(t)
  const accounts = [...'abcdefgh']
  let inHand = 0
  let most = 0
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const taken: string[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 3,
    async handle({ account }) {
      taken.push(account)
      inHand += 1
      most = Math.max(most, inHand)
      await finished
      inHand -= 1
    },
  })
  for (const account of accounts) await publishLogin(parts, account)
  await eventually(() => inHand === 3)
  const closed = consumer.close()
  finish()
  await closed
  t.equal(inHand, 0, 'what was in hand is done')
  t.equal(most, 3)

  const takenAtClose = [...taken]
  const left = await takeOver(t, parts, accounts.length - takenAtClose.length)
  t.same([...takenAtClose, ...left].sort(), accounts)
  t.same(taken, takenAtClose, 'nothing was taken after closing')
})

t.test('a pause passes before an event is handled; more wait for it than are handled at a time', async (t) => {
  const parts = await startBroker(t)
  const before = consume(parts.deps, { event: LoginFailed, concurrency: 1, handle: async () => {} })
  await eventually(() => consumerInfo(parts).catch(() => undefined), {
    what: 'the consumer as an older version has it',
  })
  await before.close()

  const accounts = [...'abcdefgh']
  const pausedMs: number[] = []
  let inHand = 0
  let most = 0
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const consumer = consume(
    // The longest pause that there is.
    { ...parts.deps, random: { ...parts.deps.random, bytes: (count) => Buffer.alloc(count, 0xff) } },
    {
      event: LoginFailed,
      concurrency: 2,
      pause: { shortestMs: 0, longestMs: 500, mostInHand: accounts.length },
      async handle() {
        pausedMs.push(Date.now() - publishedMs)
        inHand += 1
        most = Math.max(most, inHand)
        await finished
        inHand -= 1
      },
    },
  )
  t.teardown(() => consumer.close())
  const publishedMs = Date.now()
  for (const account of accounts) await publishLogin(parts, account)
  await eventually(async () => (await consumerInfo(parts)).num_ack_pending === accounts.length)
  await eventually(() => inHand === 2)
  finish()
  await eventually(() => pausedMs.length === accounts.length)
  t.ok(Math.min(...pausedMs) >= 499, `paused for ${Math.min(...pausedMs)} ms`)
  t.equal(most, 2)
  await eventually(async () => (await openWork(parts)) === 0)
})

t.test('what waits for its turn for long is not delivered again', async (t) => {
  const parts = await startBroker(t)
  const seen: string[] = []
  const redelivered = async () => (await consumerInfo(parts)).num_redelivered > 0
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 1,
    pause: { shortestMs: 0, longestMs: 0, mostInHand: 2 },
    async handle({ account }) {
      seen.push(account)
      // Longer than the broker waits for a sign of life.
      if (seen.length === 1) await t.rejects(eventually(redelivered, { timeoutMs: 12_000 }))
    },
  })
  t.teardown(() => consumer.close())
  for (const account of ['a', 'b']) await publishLogin(parts, account)
  await eventually(async () => (await consumerInfo(parts)).num_ack_pending === 2)
  await eventually(async () => seen.length > 0 && (await openWork(parts)) === 0)
  t.equal(seen.length, 2)
})

t.test('a consumer that is closed while it sets itself up takes nothing', async (t) => {
  const parts = await startBroker(t)
  await publishLogin(parts, 'a')
  let handled = 0
  const consumer = consume(parts.deps, { event: LoginFailed, concurrency: 1, handle: async () => void handled++ })
  await consumer.close()
  t.same(await takeOver(t, parts, 1), ['a'])
  t.equal(handled, 0)
})

for (const data of ['with', 'without']) {
  t.test(`a consumer goes on when the broker was killed and came back ${data} its data`, async (t) => {
    const parts = await startBroker(t)
    const seen: string[] = []
    const consumer = consume(parts.deps, {
      event: LoginFailed,
      concurrency: 8,
      handle: async ({ account }) => void seen.push(account),
    })
    t.teardown(() => consumer.close())
    await publishLogin(parts, 'before')
    await eventually(() => seen.includes('before'))

    await parts.nats.kill()
    if (data === 'without') parts.forget()
    await parts.nats.restart()
    const back = Date.now()
    await publishLogin(parts, 'after')
    await eventually(() => seen.includes('after'))
    t.ok(Date.now() - back < 5_000, 'within seconds')
  })
}

t.test('a consumer goes on when the connection was ended for good and had to be made anew', async (t) => {
  const parts = await startBroker(t)
  const seen: string[] = []
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 8,
    handle: async ({ account }) => void seen.push(account),
  })
  t.teardown(() => consumer.close())
  await publishLogin(parts, 'before')
  await eventually(() => seen.includes('before'))
  const connection = await parts.broker.connected()
  await connection.close()
  await eventually(async () => (await parts.broker.connected()) !== connection)
  await publishLogin(parts, 'after')
  await eventually(() => seen.includes('after'))
})

t.test('a consumer closes at once while the broker is away', async (t) => {
  const parts = await startBroker(t)
  const consumer = consume(parts.deps, { event: LoginFailed, concurrency: 8, handle: async () => {} })
  await publishLogin(parts, 'a')
  await parts.nats.kill()
  await eventually(() => parts.logs().includes('broker is away'))
  const started = Date.now()
  await consumer.close()
  await parts.broker.close()
  t.ok(Date.now() - started < 1_500)
})

t.test('what the broker is just sending to a consumer that stops is handled, and waits for no other', async (t) => {
  const parts = await startBroker(t)
  const delays: number[] = []
  const start = () =>
    consume(parts.deps, {
      event: LoginFailed,
      concurrency: 64,
      handle: async ({ account }) => void delays.push(Date.now() - Number(account)),
    })
  let published = 0
  let consumer = start()
  t.teardown(() => consumer.close())
  await publishLogin(parts, String(Date.now()))
  await eventually(() => delays.length === 1)
  const crowd = keepAsking(16, async () => {
    await publishLogin(parts, String(Date.now()))
    published += 1
  })
  for (let times = 0; times < 12; times += 1) {
    const seen = delays.length
    await eventually(() => delays.length > seen + 50)
    const stopping = consumer
    consumer = start()
    await stopping.close()
  }
  await crowd.stop()
  await eventually(() => delays.length === published + 1)
  // Whatever nobody took is delivered again after ten seconds.
  t.ok(Math.max(...delays) < 8_000, `the slowest took ${Math.max(...delays)} ms`)
})
