import t from 'tap'
import { holds } from '../checks/finding.ts'
import {
  createStandstills,
  longestStandstill,
  type Observation,
  type Queue,
  type Readiness,
  toFinding,
} from './standstills.ts'

const ok: Readiness = { status: 'ok' }
const unavailable: Readiness = { status: 'unavailable' }
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

/** Observes two instances once a second; the last observation has an empty queue. */
const observeFor = (seconds: number, at: (second: number) => Second) => {
  const { observe, found } = createStandstills()
  for (let second = 0; second <= seconds; second += 1) {
    const { queues = [outbox], one = ok, other = unavailable } = second < seconds ? at(second) : { queues: [empty] }
    const instances: Observation['instances'] = new Map([
      ['auth-gateway 1', ok],
      ['password-service 1', one],
      ['password-service 2', other],
    ])
    observe({ at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)), queues, instances })
  }
  return found()
}

t.test('a queue that stands still while an instance is ready and reports nothing is found', async (t) => {
  const progress = observeFor(30, () => ({}))
  t.same(toFinding(progress).violations, [
    'outbox NOTIFY stood still for 29.0 s from 2026-01-01T00:00:00.000Z on; password-service 1 was ready and did not report it for 29.0 s',
  ])
  t.match(
    longestStandstill(progress.standstills),
    /^the longest standstill was of outbox NOTIFY, 29.0 s; .*password-service 2 unavail/,
  )
})

t.test('a standstill is found before it ends, and while the store does not answer', async (t) => {
  const { observe, found } = createStandstills()
  const consumer = { ...outbox, name: 'consumer a', position: 'after 7', waiting: 1 }
  for (let second = 0; second < 30; second += 1)
    observe({
      at: new Date(second * 1_000),
      queues: second === 0 ? [consumer] : [],
      instances: new Map([['password-service 1', ok]]),
    })
  t.match(toFinding(found()).violations, [/^consumer a stood still for 29.0 s/])
})

t.test('a standstill is found if another queue is reported as degraded', async (t) => {
  const degraded = { 'outbox PASSWORD': '3 waiting, none finished for 20 s' }
  t.equal(toFinding(observeFor(30, () => ({ one: { status: 'degraded', degraded } }))).violations.length, 1)
})

/** Cases without a violation. */
const allowed: [what: string, at: (second: number) => Second][] = [
  ['nothing waits', () => ({ queues: [empty] })],
  ['the first item leaves from time to time', (second) => ({ queues: [{ ...outbox, position: `${second >> 3}` }] })],
  ['no instance is ready', () => ({ one: unavailable })],
  [
    'the service reports it in time',
    (second) =>
      second < 17
        ? {}
        : { one: { status: 'degraded', degraded: { 'outbox NOTIFY': '2 waiting, none finished for 15 s' } } },
  ],
  ['items wait for less than 15 s', (second) => ({ queues: [second % 16 === 0 ? empty : outbox] })],
  ['no instance stays ready for 15 s', (second) => (second % 16 === 0 ? { one: unavailable } : {})],
]

for (const [what, at] of allowed) {
  t.test(`no standstill is found if ${what}`, async (t) => {
    const progress = observeFor(60, at)
    t.same(toFinding(progress).violations, [])
    t.equal(holds(toFinding(progress)), what !== 'nothing waits', 'items were checked')
  })
}

t.test('the summary has each state of an instance once', async (t) => {
  const degraded = (seconds: number) => ({ 'outbox NOTIFY': `2 waiting, none finished for ${seconds} s` })
  const { standstills } = observeFor(40, (second) =>
    second < 16 ? {} : { one: { status: 'degraded', degraded: degraded(second) } },
  )
  t.match(standstills, [{ forMs: 39_000, unreportedMs: 15_000 }])
  t.match(longestStandstill(standstills), 'password-service 1 degraded')
  t.equal(longestStandstill([]), 'nothing stood still')
})
