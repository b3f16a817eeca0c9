import { LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import t from 'tap'
import { startBroker } from './broker.fixture.ts'
import { consumerInfo, openWork, publishLogin, takeOver } from './consumer.fixture.ts'
import { consume } from './consumer.ts'

t.test(
  'no more events are handled at a time than configured; closing waits for them and takes no others',
  async (t) => {
    const parts = await startBroker(t)
    const accounts = [...'abcdefgh']
    let running = 0
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
        running += 1
        most = Math.max(most, running)
        await finished
        running -= 1
      },
    })
    for (const account of accounts) await publishLogin(parts, account)
    await eventually(() => running === 3)
    const closed = consumer.close()
    finish()
    await closed
    t.equal(running, 0, 'all handlers have ended')
    t.equal(most, 3)

    const takenAtClose = [...taken]
    const left = await takeOver(t, parts, accounts.length - takenAtClose.length)
    t.same([...takenAtClose, ...left].sort(), accounts)
    t.same(taken, takenAtClose, 'nothing was taken after closing')
  },
)

t.test('events are handled after a pause, and more events pause than are handled at a time', async (t) => {
  const parts = await startBroker(t)
  const before = consume(parts.deps, { event: LoginFailed, concurrency: 1, handle: async () => {} })
  await eventually(() => consumerInfo(parts).catch(() => undefined), {
    what: 'the consumer with the settings of an older version',
  })
  await before.close()

  const accounts = [...'abcdefgh']
  const pausedMs: number[] = []
  let running = 0
  let most = 0
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const consumer = consume(
    // Always the longest pause.
    { ...parts.deps, random: { ...parts.deps.random, bytes: (count) => Buffer.alloc(count, 0xff) } },
    {
      event: LoginFailed,
      concurrency: 2,
      pause: { shortestMs: 0, longestMs: 500, mostInHand: accounts.length },
      async handle() {
        pausedMs.push(Date.now() - publishedMs)
        running += 1
        most = Math.max(most, running)
        await finished
        running -= 1
      },
    },
  )
  t.teardown(() => consumer.close())
  const publishedMs = Date.now()
  for (const account of accounts) await publishLogin(parts, account)
  await eventually(async () => (await consumerInfo(parts)).num_ack_pending === accounts.length)
  await eventually(() => running === 2)
  finish()
  await eventually(() => pausedMs.length === accounts.length)
  t.ok(Math.min(...pausedMs) >= 499, `paused for ${Math.min(...pausedMs)} ms`)
  t.equal(most, 2)
  await eventually(async () => (await openWork(parts)) === 0)
})

t.test('a message that waits long for its turn is not redelivered', async (t) => {
  const parts = await startBroker(t)
  const seen: string[] = []
  const redelivered = async () => (await consumerInfo(parts)).num_redelivered > 0
  const consumer = consume(parts.deps, {
    event: LoginFailed,
    concurrency: 1,
    pause: { shortestMs: 0, longestMs: 0, mostInHand: 2 },
    async handle({ account }) {
      seen.push(account)
      // Longer than the broker waits for a heartbeat.
      if (seen.length === 1) await t.rejects(eventually(redelivered, { timeoutMs: 12_000 }))
    },
  })
  t.teardown(() => consumer.close())
  for (const account of ['a', 'b']) await publishLogin(parts, account)
  await eventually(async () => (await consumerInfo(parts)).num_ack_pending === 2)
  await eventually(async () => seen.length > 0 && (await openWork(parts)) === 0)
  t.equal(seen.length, 2)
})
