import t from 'tap'
import { holds } from './checks/finding.ts'
import { assertFound, at, last, messageOf, type Planted, type Run } from './checks.fixture.ts'
import { check } from './checks.ts'
import type { WaitingStory } from './client-log.ts'
import { runWithSecondFactors } from './second-factor-checks.fixture.ts'
import type { WaitingRow } from './second-factor-state.ts'
import type { StoredEvent } from './stored-events.ts'

const restoreOf = ({ state }: Run, id: number) =>
  state.waitingRestores.find(({ customerId }) => customerId === id) as WaitingRow
const storyOf = ({ clientLog }: Run, id: number) =>
  clientLog.stories.find(({ customer }) => customer.id === id) as WaitingStory
const eventOf = ({ state }: Run, id: string) => state.events.PASSWORD.find((event) => event.id === id) as StoredEvent
const without = <T>(items: T[], isGone: (item: T) => boolean) =>
  items.splice(0, items.length, ...items.filter((one) => !isGone(one)))

t.test('a correct run with second factors and waiting restores has no violation', async (t) => {
  const { clientLog, state } = runWithSecondFactors()
  const findings = await check(clientLog, state)
  for (const { claim, violations, checked } of findings) t.same(violations, [], `${checked} ${claim}`)
  t.ok(findings.every(holds), 'each check had something to check')
})

t.test('a notice whose answer was lost may come twice, and a completion without an answer may be done', async (t) => {
  const run = runWithSecondFactors()
  run.state.messages.push(...run.state.messages.filter(({ MessageID }) => MessageID.startsWith('vetoed ')))
  for (const one of storyOf(run, 6).completions[0]?.tries ?? []) one.status = undefined
  for (const { claim, violations } of await check(run.clientLog, run.state)) t.same(violations, [], claim)
})

const once = /^time steps/
const oneProof = /^one proof/
const outcome = /^waiting restores/
const answers = /^openings/
const notices = /^each notice/

const planted: Planted[] = [
  [
    'a time step was accepted at two challenges',
    [once],
    ({ clientLog }) => clientLog.factorProofs.push({ ...(clientLog.factorProofs[0] as object), accepted: 1 } as never),
  ],
  [
    'a time step was accepted twice at one challenge',
    [once],
    ({ clientLog }) => Object.assign(clientLog.factorProofs[0] ?? {}, { accepted: 2 }),
  ],
  [
    'a time step was accepted again at a challenge whose answer was lost',
    [once],
    ({ clientLog }) => Object.assign(clientLog.factorProofs[1] ?? {}, { used: '100' }),
  ],
  [
    'a recovery code was accepted twice',
    [once],
    ({ clientLog }) => clientLog.factorProofs.push(last(clientLog.factorProofs)),
  ],
  [
    'an accepted time step is not stored as used',
    [once],
    ({ state }) => Object.assign(state.factors[0] ?? {}, { lastStep: 99 }),
  ],
  [
    'a time step was used that nobody sent',
    [once],
    ({ state }) => Object.assign(state.factors[0] ?? {}, { lastStep: 102 }),
  ],
  [
    'an accepted recovery code is not stored as used',
    [once],
    ({ state }) => Object.assign(state.factors[1] ?? {}, { usedCodes: 0 }),
  ],
  [
    'two recovery codes were used by one that was sent',
    [once],
    ({ state }) => Object.assign(state.factors[1] ?? {}, { usedCodes: 2 }),
  ],
  ['the customer of an accepted code has no factor', [once], ({ state }) => state.factors.pop()],
  [
    'a vetoed restore set a password',
    [oneProof, outcome, answers, notices],
    (run) => Object.assign(restoreOf(run, 6), { state: 'vetoed', vetoedBy: 'link' }),
  ],
  [
    'one proof set a password without a wait',
    [oneProof, /^new passwords/, /last password/, /done wholly/],
    ({ clientLog, state }) => state.spentTokens.add(last(clientLog.grants).jti),
  ],
  [
    'a restore was completed before its last notice',
    [outcome, notices],
    (run) => Object.assign(restoreOf(run, 6), { noticesSent: 2 }),
  ],
  [
    'an outcome was published twice',
    [outcome, /one event/, /^events are stored/],
    (run) => run.state.events.PASSWORD.push(eventOf(run, 'ended C4')),
  ],
  [
    'a restore has two outcomes',
    [outcome, /one event/],
    (run) => {
      const { data, ...ended } = eventOf(run, 'ended C4')
      run.state.events.PASSWORD.push({ ...ended, id: 'other', type: 'customer.restore-expired', data })
    },
  ],
  [
    'an outcome was not published',
    [outcome],
    ({ state }) => without(state.events.PASSWORD, ({ id }) => id === 'ended C7'),
  ],
  [
    'an opening was not published',
    [outcome],
    ({ state }) => without(state.events.PASSWORD, ({ id }) => id === 'opened C8'),
  ],
  [
    'the event of an outcome is in the outbox twice',
    [outcome],
    ({ state }) => state.outbox.push(...state.outbox.filter(({ eventId }) => eventId === 'ended C4')),
  ],
  [
    'the event of an outcome in the outbox is another one',
    [outcome],
    ({ state }) => Object.assign(state.outbox.find(({ eventId }) => eventId === 'ended C4') ?? {}, { eventId: 'lost' }),
  ],
  [
    'an outcome was written twice',
    [outcome, /chains/],
    ({ state }) => state.waitingRecords.push({ id: 99, customerId: 4, operation: 'veto_waiting_restore' }),
  ],
  [
    'an outcome is not in the history',
    [outcome, /chains/],
    ({ state }) => without(state.waitingRecords, ({ operation }) => operation === 'expire_waiting_restore'),
  ],
  [
    'an outcome has the record of another one',
    [outcome],
    ({ state }) => Object.assign(state.waitingRecords.find(({ customerId }) => customerId === 7) ?? {}, { id: 50 }),
  ],
  [
    'the event of a restore that does not exist was published',
    [outcome],
    (run) => Object.assign(eventOf(run, 'ended C7').data, { waitingRestoreId: 'unknown' }),
  ],
  ['a restore that ended waits', [outcome, answers], (run) => Object.assign(restoreOf(run, 5), { state: 'waiting' })],
  [
    'a restore that was opened is not stored',
    [outcome, answers, notices],
    ({ state }) => without(state.waitingRestores, ({ customerId }) => customerId === 8),
  ],
  [
    'a customer has two restores',
    [outcome, answers, notices],
    (run) => run.state.waitingRestores.push({ ...restoreOf(run, 8), id: 'second' }),
  ],
  [
    'a page said that a vetoed restore was completed',
    [answers],
    (run) => Object.assign(storyOf(run, 4).objections[0] ?? {}, { said: 'completed' }),
  ],
  ['a restore was vetoed and nobody objected', [answers], (run) => storyOf(run, 4).objections.pop()],
  [
    'a password was set that was refused each time',
    [answers, /done wholly/, /last password/],
    (run) => Object.assign(storyOf(run, 6).completions[0]?.tries[0] ?? {}, { status: 403 }),
  ],
  [
    'a password was set after the answer to a sign-in',
    [answers],
    (run) => storyOf(run, 6).objections.push({ by: 'sign_in', startedAt: at(38), endedAt: at(39), status: 200 }),
  ],
  [
    'a restore that waited long enough was refused',
    [answers],
    (run) => {
      const [refused] = storyOf(run, 8).completions
      storyOf(run, 8).completions.push({
        ...(refused ?? last(run.clientLog.grants)),
        tries: [{ password: 'x', startedAt: at(50), endedAt: at(51), status: 403 }],
      })
    },
  ],
  [
    'a notice was not sent to one address',
    [notices],
    ({ state }) => without(state.messages, ({ MessageID }) => MessageID.startsWith('half mail C7')),
  ],
  [
    'a notice went to another customer',
    [notices],
    ({ state }) =>
      Object.assign(state.messages.find(({ MessageID }) => MessageID.startsWith('half mail C7')) ?? {}, {
        To: [{ Name: '', Address: 'c8@example.com' }],
      }),
  ],
  [
    'a notice was made twice',
    [notices],
    ({ state }) => {
      const notice = state.outbox.find(({ notice }) => notice === 'last')
      state.outbox.push({ ...(notice as NonNullable<typeof notice>), eventId: 'again' })
      state.messages.push(messageOf('again', 'c5@example.com'))
    },
  ],
  [
    'a veto was not told',
    [notices, /^notifications/],
    ({ state }) => without(state.outbox, ({ notice, subject }) => notice === 'vetoed' && subject === 'C4'),
  ],
]

assertFound(t, runWithSecondFactors, planted)
