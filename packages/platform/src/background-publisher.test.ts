import { isDeepStrictEqual } from 'node:util'
import { ChallengeFailed, deadLetters, LoginFailed } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import type { StoredMsg } from 'nats'
import t, { type Test } from 'tap'
import { type BackgroundPublisher, createBackgroundPublisher } from './background-publisher.ts'
import { keepLogs, startBroker, startStrictBroker } from './broker.fixture.ts'
import type { Broker } from './broker.ts'
import { createMetrics } from './metrics.ts'
import { createProgress } from './progress.ts'
import type { Publisher } from './publisher.ts'

const login = (account: string) => ({
  subject: account,
  data: { account, clientId: 'ib_localhost', ip: '203.0.113.7' },
})
const challenge = (challengeId: string) => ({
  subject: challengeId,
  data: { challengeId, purpose: 'restore' as const, clientId: 'ib_localhost', ip: '203.0.113.7', attempt: 1 },
})

/** A background publisher; the test sets the clock. */
const startPublisher = (t: Test, { broker, publisher }: { broker: Broker; publisher: Publisher }) => {
  const { log, logs } = keepLogs(t)
  const metrics = createMetrics()
  let time = 0
  const elapsedMs = () => time
  const progress = createProgress({ elapsedMs, metrics })
  const backgroundPublisher = createBackgroundPublisher({ publisher, broker, elapsedMs, metrics, progress, log })
  t.teardown(() => backgroundPublisher.close())
  const lines = () =>
    logs()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  return {
    backgroundPublisher,
    elapse(ms: number) {
      time += ms
    },
    logged: (msg: string) => lines().filter((line) => line.msg === msg),
    figure: async (name: string, labels: Record<string, string> = {}) =>
      (await metrics.getSingleMetric(name)?.get())?.values.find((value) => isDeepStrictEqual(value.labels, labels))
        ?.value ?? 0,
  }
}

/** Events of the stream, in order. */
const eventsOf = async (broker: Broker) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  const { state } = await jsm.streams.info('AUTH')
  const numbers = Array.from({ length: state.messages }, (_, index) => state.first_seq + index)
  return Promise.all(numbers.map((seq) => jsm.streams.getMessage('AUTH', { seq })))
}
const subjectOf = (message: StoredMsg) => message.header.get('ce-subject')
const storedBy = async (broker: Broker) => (await eventsOf(broker)).map(subjectOf)
const attemptsOf = async (broker: Broker, subject: string) =>
  (await eventsOf(broker))
    .filter((message) => subjectOf(message) === subject)
    .map((message) => message.json<{ attempt: number }>().attempt)
const publishAll = (backgroundPublisher: BackgroundPublisher, kinds: string) => {
  for (const [index, kind] of [...kinds].entries()) {
    if (kind === 'l') backgroundPublisher.publish(LoginFailed, login(`login ${index}`))
    else backgroundPublisher.publish(ChallengeFailed, challenge(`challenge ${index}`))
  }
}

const deadLettersOf = async (broker: Broker) => {
  const jsm = await (await broker.connected()).jetstreamManager()
  const { state } = await jsm.streams.info(deadLetters.name)
  const numbers = Array.from({ length: state.messages }, (_, index) => state.first_seq + index)
  return Promise.all(numbers.map((seq) => jsm.streams.getMessage(deadLetters.name, { seq })))
}

t.test('rejected events do not delay others', async (t) => {
  const parts = await startStrictBroker(t, [LoginFailed.type])
  const { backgroundPublisher, logged, figure } = startPublisher(t, parts)
  publishAll(backgroundPublisher, `${'l'.repeat(100)}${'c'.repeat(200)}`)
  await eventually(async () => (await storedBy(parts.broker)).length === 200, { timeoutMs: 60_000 })
  t.equal(await figure('rekey_background_events_waiting'), 100)
  t.match(logged('event not published yet'), [{ severity: 'warn', type: LoginFailed.type, id: String }])
  t.equal(logged('event not published yet').length, 1, 'logged once for the type')
})

t.test('an event that the broker keeps rejecting becomes a dead letter, and no other event does', async (t) => {
  const parts = await startStrictBroker(t, [LoginFailed.type])
  const { backgroundPublisher, elapse, logged, figure } = startPublisher(t, parts)
  publishAll(backgroundPublisher, 'clc')
  await eventually(() => logged('event not published yet').length === 1)
  elapse(29_000)
  await eventually(async () => (await storedBy(parts.broker)).length === 2)
  t.same(await deadLettersOf(parts.broker), [], 'the permission may still be granted')
  elapse(1_000)
  await eventually(async () => (await deadLettersOf(parts.broker)).length === 1)
  // Later events of a rejected type become dead letters at once.
  publishAll(backgroundPublisher, 'l')
  const letters = await eventually(async () => {
    const found = await deadLettersOf(parts.broker)
    return found.length === 2 ? found : undefined
  })
  t.same(
    letters.map(({ subject }) => subject),
    Array(2).fill(`dead.${LoginFailed.type}`),
  )
  t.match(letters[0]?.header.get('rekey-reason'), /permissions violation/i)
  t.equal(letters[0]?.header.get('ce-subject'), 'login%201')
  t.match(letters[0]?.string(), '"account":"login 1"')
  t.match(logged('dead letter'), Array(2).fill({ severity: 'error', type: LoginFailed.type, eventId: String }))
  t.equal(await figure('rekey_dead_letters_total', { event: LoginFailed.type }), 2)
  t.equal(await figure('rekey_dead_letter_messages'), 2)
  t.equal(await figure('rekey_background_events_dropped_total', { reason: 'refused' }), 0)
  t.equal(await figure('rekey_background_events_waiting'), 0)
})

t.test('an event is dropped if the broker also rejects its dead letter', async (t) => {
  const parts = await startStrictBroker(t, [LoginFailed.type, `dead.${LoginFailed.type}`])
  const { backgroundPublisher, elapse, logged, figure } = startPublisher(t, parts)
  publishAll(backgroundPublisher, 'lc')
  await eventually(() => logged('event not published yet').length === 1)
  elapse(30_000)
  await eventually(() => logged('event dropped: the broker rejects it').length === 1)
  t.match(logged('event dropped: the broker rejects it'), [{ severity: 'error', lost: LoginFailed.type, id: String }])
  t.equal(await figure('rekey_background_events_dropped_total', { reason: 'refused' }), 1)
  t.same(await storedBy(parts.broker), ['challenge%201'])
})

t.test('a rejected event delays the later events of its subject', async (t) => {
  const parts = await startStrictBroker(t, [LoginFailed.type])
  const { backgroundPublisher, elapse, logged } = startPublisher(t, parts)
  backgroundPublisher.publish(LoginFailed, login('a'))
  backgroundPublisher.publish(ChallengeFailed, challenge('a'))
  backgroundPublisher.publish(ChallengeFailed, challenge('b'))
  await eventually(() => logged('event not published yet').length === 1)
  await eventually(async () => (await storedBy(parts.broker)).length === 1)
  t.same(await storedBy(parts.broker), ['b'])
  elapse(30_000)
  await eventually(async () => (await storedBy(parts.broker)).length === 2)
  t.same(await storedBy(parts.broker), ['b', 'a'])
  t.equal((await deadLettersOf(parts.broker)).length, 1)
})

t.test('events wait for a broker that is unavailable, and the events of one subject stay in order', async (t) => {
  const parts = await startBroker(t, ['AUTH'])
  const { broker, nats } = parts
  await eventually(() => storedBy(broker).then(() => true))
  const { backgroundPublisher, elapse, logged, figure } = startPublisher(t, parts)
  await nats.kill()
  for (const attempt of [1, 2, 3, 4, 5]) {
    for (const account of ['a', 'b']) {
      backgroundPublisher.publish(ChallengeFailed, {
        ...challenge(account),
        data: { ...challenge(account).data, attempt },
      })
    }
  }
  await eventually(() => logged('event not published yet').length === 1)
  elapse(3_600_000)
  await nats.restart()
  await eventually(async () => (await storedBy(broker)).length === 10)
  t.same(await attemptsOf(broker, 'a'), [1, 2, 3, 4, 5])
  t.same(await attemptsOf(broker, 'b'), [1, 2, 3, 4, 5])
  t.equal(await figure('rekey_background_events_dropped_total', { reason: 'refused' }), 0)
  t.equal(logged('event not published yet').length, 1, 'logged once for all events')
})

t.test('events beyond the capacity are dropped, logged and counted', async (t) => {
  const parts = await startBroker(t, ['AUTH'])
  const { backgroundPublisher, logged, figure } = startPublisher(t, parts)
  await parts.nats.kill()
  publishAll(backgroundPublisher, 'l'.repeat(10_003))
  t.equal(logged('event dropped: too many wait for the broker').length, 3)
  t.equal(await figure('rekey_background_events_dropped_total', { reason: 'away' }), 3)
  t.equal(await figure('rekey_background_events_waiting'), 10_000)
})
