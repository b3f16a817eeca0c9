import t from 'tap'
import { holds } from '../checks/finding.ts'
import {
  createStandstills,
  type Look,
  longestStandstill,
  type Queue,
  type Readiness,
  toFinding,
} from './standstills.ts'

const ok: Readiness = { status: 'ok' }
const away: Readiness = { status: 'unavailable' }
const outbox: Queue = {
  ...{ name: 'outbox NOTIFY', service: 'password-service' },
  ...{ waiting: 2, position: '1' },
}
const empty: Queue = { ...outbox, waiting: 0 }

interface Second {
  queues?: Queue[]
  one?: Readiness
  other?: Readiness
}

/** Looks once a second at two instances, at last at an empty queue. */
const lookAt = (seconds: number, at: (second: number) => Second) => {
  const { look, found } = createStandstills()
  for (let second = 0; second <= seconds; second += 1) {
    const { queues = [outbox], one = ok, other = away } = second < seconds ? at(second) : { queues: [empty] }
    const instances: Look['instances'] = new Map([
      ['auth-gateway 1', ok],
      ['password-service 1', one],
      ['password-service 2', other],
    ])
    look({ at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)), queues, instances })
  }
  return found()
}

t.test('a queue that stands still while an instance is ready and reports nothing is found', async (t) => {
  const progress = lookAt(30, () => ({}))
  t.same(toFinding(progress).faults, [
    'outbox NOTIFY stood still for 29.0 s from 2026-01-01T00:00:00.000Z on; password-service 1 was ready and did not report it for 29.0 s',
  ])
  t.match(
    longestStandstill(progress.standstills),
    /^the longest standstill was of outbox NOTIFY, 29.0 s; .*password-service 2 unavail/,
  )
})

t.test('a standstill is found before it is over, and while the store does not answer', async (t) => {
  const { look, found } = createStandstills()
  const consumer = { ...outbox, name: 'consumer a', position: 'after 7', waiting: 1 }
  for (let second = 0; second < 30; second += 1)
    look({
      at: new Date(second * 1_000),
      queues: second === 0 ? [consumer] : [],
      instances: new Map([['password-service 1', ok]]),
    })
  t.match(toFinding(found()).faults, [/^consumer a stood still for 29.0 s/])
})

t.test('a standstill is found if another queue is reported as degraded', async (t) => {
  const degraded = { 'outbox PASSWORD': '3 waiting, none finished for 20 s' }
  t.equal(toFinding(lookAt(30, () => ({ one: { status: 'degraded', degraded } }))).faults.length, 1)
})

/** Standstills that are allowed. */
const sound: [what: string, at: (second: number) => Second][] = [
  ['nothing waits', () => ({ queues: [empty] })],
  [
    'the first of what waits leaves now and then',
    (second) => ({ queues: [{ ...outbox, position: `${second >> 3}` }] }),
  ],
  ['no instance is ready', () => ({ one: away })],
  [
    'the service reports it in time',
    (second) =>
      second < 17
        ? {}
        : { one: { status: 'degraded', degraded: { 'outbox NOTIFY': '2 waiting, none finished for 15 s' } } },
  ],
  ['it waits for less than 15 s', (second) => ({ queues: [second % 16 === 0 ? empty : outbox] })],
  ['no instance is ready for long', (second) => (second % 16 === 0 ? { one: away } : {})],
]

for (const [what, at] of sound) {
  t.test(`nothing is found where ${what}`, async (t) => {
    const progress = lookAt(60, at)
    t.same(toFinding(progress).faults, [])
    t.equal(holds(toFinding(progress)), what !== 'nothing waits', 'that is shown for something')
  })
}

t.test('what a service reports is in the report, once', async (t) => {
  const degraded = (seconds: number) => ({ 'outbox NOTIFY': `2 waiting, none finished for ${seconds} s` })
  const { standstills } = lookAt(40, (second) =>
    second < 16 ? {} : { one: { status: 'degraded', degraded: degraded(second) } },
  )
  t.match(standstills, [{ forMs: 39_000, unreportedMs: 15_000 }])
  t.match(longestStandstill(standstills), 'password-service 1 degraded')
  t.equal(longestStandstill([]), 'nothing stood still')
})
