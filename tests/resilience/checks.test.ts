import t from 'tap'
import { holds } from './checks/finding.ts'
import {
  assertFound,
  at,
  correctRun,
  customer,
  last,
  messageOf,
  type Planted,
  passwordEventOf,
  restoreEvents,
} from './checks.fixture.ts'
import { check } from './checks.ts'
import { emptyClientLog, type Grant } from './client-log.ts'
import type { FinalState } from './final-state.ts'
import type { StoredEvent } from './stored-events.ts'

const loseAnswers = (grant: Grant | undefined) => {
  for (const one of grant?.tries ?? []) one.status = undefined
}

t.test('a correct run has no violation', async (t) => {
  const { clientLog, state } = correctRun()
  const findings = await check(clientLog, state)
  for (const { claim, violations, checked } of findings) t.same(violations, [], `${checked} ${claim}`)
  t.ok(findings.length > 15)
})

t.test('an outcome without an answer may be done or not done, and messages may come twice', async (t) => {
  const { clientLog, state } = correctRun()
  loseAnswers(clientLog.grants[1])
  state.messages.push(...state.messages.slice(0, 2))
  for (const { claim, violations } of await check(clientLog, state)) t.same(violations, [], claim)

  const undone = correctRun()
  loseAnswers(undone.clientLog.grants[1])
  undone.state.history.pop()
  undone.state.outbox.splice(3)
  undone.state.events.PASSWORD.pop()
  undone.state.spentTokens.delete('grant 2')
  undone.state.sessionEpochs.set(1, 1)
  undone.state.verification.records = 101
  undone.state.messages.splice(5)
  undone.state.openRestores.set('challenge-1', 1)
  undone.state.isPassword = async (_email, password) => password === 'password 1'
  for (const { claim, violations } of await check(undone.clientLog, undone.state)) t.same(violations, [], claim)
})

t.test('the time of a long failure does not count for the delivery of a code', async (t) => {
  const { clientLog, state } = correctRun()
  Object.assign(state, {
    codesLiveMs: 120_000,
    codesDelayed: [
      { from: at(-40), to: at(-25) },
      { from: at(-41), to: at(-30) },
    ],
  })
  for (const { claim, violations } of await check(clientLog, state)) t.same(violations, [], claim)
})

const planted: Planted[] = [
  ['a record is gone', [/^new passwords/, /done wholly/, /one event/, /chains/], ({ state }) => state.history.pop()],
  [
    'an acknowledged grant is not spent',
    [/^new passwords/, /last password/, /done wholly/, /^codes of restores/],
    ({ state }) => state.spentTokens.delete('grant 2'),
  ],
  [
    'the last password is not valid',
    [/last password/],
    ({ state }) => Object.assign(state, { isPassword: async () => false }),
  ],
  ['every password is valid', [/last password/], ({ state }) => Object.assign(state, { isPassword: async () => true })],
  [
    'a record has no grant',
    [/done wholly/, /one event/, /^notifications/, /chains/],
    ({ state }) => state.history.push({ ...last(state.history), id: 3 }),
  ],
  ['an event is missing', [/done wholly/, /one event/, /^notifications/], ({ state }) => state.outbox.shift()],
  ['no session was ended', [/done wholly/], ({ state }) => state.sessionEpochs.set(1, 1)],
  ['an unknown token is spent', [/done wholly/], ({ state }) => state.spentTokens.add('grant 3')],
  [
    'a refused request was done',
    [/done wholly/, /last password/],
    ({ clientLog }) => clientLog.grants[1]?.tries.splice(0, 1, { ...last(clientLog.grants[1].tries), status: 403 }),
  ],
  [
    'a grant worked twice',
    [/^grants/],
    ({ clientLog }) => clientLog.grants[1]?.tries.push(last(clientLog.grants[1].tries)),
  ],
  [
    'a code was accepted twice',
    [/^codes were accepted/],
    ({ clientLog }) => clientLog.acceptedCodes.push('challenge-1'),
  ],
  [
    'a challenge was verified twice',
    [/^codes were accepted/],
    ({ state }) => state.events.AUTH.push({ ...(restoreEvents(1)[2] as StoredEvent), id: 'another' }),
  ],
  ['an event was not published', [/one event/], ({ state }) => state.events.PASSWORD.pop()],
  [
    'an event was published twice',
    [/one event/, /^events are stored/],
    ({ state }) => state.events.PASSWORD.push(passwordEventOf(2)),
  ],
  ['events were published in another order', [/one event/], ({ state }) => state.events.PASSWORD.reverse()],
  ['a notification was not sent', [/^notifications/], ({ state }) => state.messages.pop()],
  [
    'a message has no event',
    [/^notifications/],
    ({ state }) => state.messages.push(messageOf('unrelated', customer.email)),
  ],
  ['a session is active after a new password', [/^sessions/], ({ state }) => state.activeTokens.add('refresh before')],
  ['a session ended without a new password', [/^sessions/], ({ state }) => state.activeTokens.delete('access after')],
  ['every session ended', [/^sessions/], ({ state }) => state.activeTokens.clear()],
  ['a code did not arrive', [/^promised codes/], ({ state }) => state.messages.shift()],
  [
    'a code was sent without a request',
    [/^notifications/],
    ({ state }) => state.messages.push(messageOf('challenge-4.1', customer.email)),
  ],
  [
    'a notification went to another customer',
    [/^notifications/],
    ({ state }) => state.messages.splice(-1, 1, messageOf('notification 2 text', '+447700900002')),
  ],
  [
    'both notifications went to one address',
    [/^notifications/],
    ({ state }) => state.messages.splice(-1, 1, messageOf('notification 2 text', customer.email)),
  ],
  ['a code is not counted', [/^codes of restores/], ({ state }) => state.restoreSends.shift()],
  ['a code is counted twice', [/^codes of restores/], ({ state }) => state.restoreSends.push(last(state.restoreSends))],
  [
    'a code is counted for another customer',
    [/^codes of restores/],
    ({ state }) => state.restoreSends.splice(-1, 1, { ...last(state.restoreSends), customerId: 2 }),
  ],
  ['an open restore is not stored', [/^codes of restores/], ({ state }) => state.openRestores.delete('challenge-3')],
  [
    'a restore is stored for another customer',
    [/^codes of restores/, /^failed attempts/],
    ({ state }) => state.openRestores.set('challenge-2', 2),
  ],
  ['a wrong code does not count', [/^failed attempts/], ({ state }) => state.wrongCodes.pop()],
  ['a wrong code counts twice', [/^failed attempts/], ({ state }) => state.wrongCodes.push(last(state.wrongCodes))],
  [
    'a wrong code counts that was not sent',
    [/^failed attempts/],
    ({ state }) => state.wrongCodes.push({ ...last(state.wrongCodes), attempt: 2 }),
  ],
  [
    'a wrong code counts after a reset',
    [/^failed attempts/],
    ({ state }) => state.wrongCodes.push({ ...last(state.wrongCodes), challengeId: 'challenge-2', failedAt: at(17) }),
  ],
  [
    'a right code did not reset failed attempts',
    [/^failed attempts/],
    ({ state }) => state.failuresResetAt.set(1, at(8)),
  ],
  ['an event was stored twice', [/^events are stored/], ({ state }) => state.events.AUTH.push(last(state.events.AUTH))],
  [
    'two codes have one id',
    [/^events are stored/],
    ({ state }) => state.events.AUTH.push({ ...(restoreEvents(3)[0] as StoredEvent), id: 'another' }),
  ],
  [
    'a code arrived too late',
    [/^promised codes/],
    ({ state }) => Object.assign(state.messages[0] ?? {}, { Created: at(51).toISOString() }),
  ],
  [
    'a code took more than a minute',
    [/^promised codes/],
    ({ state }) => Object.assign(state, { codesLiveMs: 120_000, codesDelayed: [{ from: at(-60), to: at(-51) }] }),
  ],
  [
    'a chain is broken',
    [/chains/],
    ({ state }) => Object.assign(state.verification, { invalid: { customerId: 1, changeId: 2, flaw: 'digest' } }),
  ],
  ['an event became a dead letter', [/handled/], ({ state }) => state.events.DEAD.push(passwordEventOf(1))],
  ['a poison event is lost', [/^poison/], ({ state }) => Object.assign(state.poison[0] ?? {}, { isDeadLetter: false })],
  [
    'a rejected event waits and is not held',
    [/^poison/],
    ({ state }) => Object.assign(state.poison[1] ?? {}, { isHeld: false }),
  ],
  [
    'an event was published before the one that holds it',
    [/^poison/],
    ({ state }) => Object.assign(state.poison[2] ?? {}, { isPublished: true }),
  ],
  [
    'an event behind a rejected one became a dead letter',
    [/handled/],
    ({ state }) => state.events.DEAD.push({ ...passwordEventOf(0), id: 'behind' }),
  ],
  ['an event waits', [/handled/], ({ state }) => state.waiting.push('1 message waits')],
  ['a sign-in was refused', [/right password/], ({ clientLog }) => clientLog.rightPasswords.refused.push('C1: 400')],
  ['a right code was refused', [/lost answer/], ({ clientLog }) => clientLog.rightCodes.refused.push('A2 of C1: 400')],
  ['an answer was a 500', [/those of the contract/], ({ clientLog }) => clientLog.note('A1', 500)],
]

const emptyState: Partial<FinalState> = {
  history: [],
  outbox: [],
  spentTokens: new Set(),
  verification: { records: 0, customers: 0 },
  prefilledRecords: 0,
  poison: [],
  restoreSends: [],
  openRestores: new Map(),
  wrongCodes: [],
  events: { AUTH: [], PASSWORD: [], DEAD: [] },
  messages: [],
  waitingRestores: [],
  waitingRecords: [],
}

assertFound(t, correctRun, planted)

t.test('a check of zero items fails, unless zero items are acceptable', async (t) => {
  const findings = await check(emptyClientLog([]), { ...correctRun().state, ...emptyState })
  const passed = findings.filter(holds).map(({ claim }) => claim)
  t.match(passed, [/done wholly/])
  t.equal(passed.length, 1)
})
