import { type ClientLog, isDone, isUnknown, type WaitingStory } from '../client-log.ts'
import type { FinalState } from '../final-state.ts'
import type { WaitingRow } from '../second-factor-state.ts'
import type { StoredEvent } from '../stored-events.ts'
import { type Check, repeated } from './finding.ts'

const opened = 'customer.restore-waiting'
const isAboutRestore = ({ type }: { type: string }) => type.startsWith('customer.restore-')

/** The operation of the history record that an outcome has; a completion has that of its new password. */
const operations = {
  vetoed: ['veto_waiting_restore'],
  expired: ['expire_waiting_restore'],
  completed: ['restore', 'reset'],
}

/** The record of the outcome, and the two events of a restore, in their order. */
const outcomeViolations = (restore: WaitingRow, events: StoredEvent[], operationOf: Map<unknown, string>): string[] => {
  const { id, state, changeId } = restore
  const expected = state === 'waiting' ? [opened] : [opened, `customer.restore-${state}`]
  const found = events.map(({ type }) => type)
  if (found.join() !== expected.join()) return [`waiting restore ${id} is ${state} and has the events ${found}`]
  const [opening, outcome] = events
  const violations: string[] = []
  if (opening?.data.changeId !== changeId || operationOf.get(changeId) !== 'open_waiting_restore')
    violations.push(`the opening of ${id} is not record ${changeId}`)
  const operation = operationOf.get(outcome?.data.changeId) ?? 'none'
  if (state !== 'waiting' && !operations[state].includes(operation))
    violations.push(`waiting restore ${id} is ${state}, and its record is ${operation}`)
  if (state === 'completed' && restore.noticesSent !== 3)
    violations.push(`waiting restore ${id} was completed before its last notice`)
  return violations
}

/** Records of a customer's waiting restores: one of each opening, and one of each veto or expiry. */
const recordViolations = ({ waitingRestores, waitingRecords }: FinalState): string[] => {
  const rows = Map.groupBy(waitingRestores, ({ customerId }) => customerId)
  const records = Map.groupBy(waitingRecords, ({ customerId }) => customerId)
  return [...new Set([...rows.keys(), ...records.keys()])].flatMap((customerId) => {
    const own = rows.get(customerId) ?? []
    const expected = own.flatMap(({ state }) => [
      'open_waiting_restore',
      ...(state === 'vetoed' || state === 'expired' ? operations[state] : []),
    ])
    const written = (records.get(customerId) ?? []).map(({ operation }) => operation)
    if (written.toSorted().join() === expected.toSorted().join()) return []
    return [
      `customer ${customerId} has waiting restores that are ${own.map(({ state }) => state)}, written: ${written}`,
    ]
  })
}

const breakdownOf = ({ waitingRestores }: FinalState) => {
  const count = (wanted: Partial<WaitingRow>) =>
    waitingRestores.filter((row) => Object.entries(wanted).every(([name, value]) => row[name as 'id'] === value)).length
  return {
    'vetoed by a link': count({ vetoedBy: 'link' }),
    'vetoed by a sign-in': count({ vetoedBy: 'sign_in' }),
    completed: count({ state: 'completed' }),
    expired: count({ state: 'expired' }),
    'still waiting': count({ state: 'waiting' }),
  }
}

export const oneOutcomeEach: Check = (_clientLog, state) => {
  const { waitingRestores, waitingRecords, history, outbox, events } = state
  const published = events.PASSWORD.filter(isAboutRestore)
  const written = outbox.filter(isAboutRestore).map(({ eventId }) => eventId)
  const byRestore = Map.groupBy(published, ({ data }) => data.waitingRestoreId)
  const operationOf = new Map<unknown, string>(
    [...history, ...waitingRecords].map(({ id, operation }) => [id, operation]),
  )
  const known = new Set<unknown>(waitingRestores.map(({ id }) => id))
  return {
    checked: waitingRestores.length,
    breakdown: breakdownOf(state),
    violations: [
      ...waitingRestores.flatMap((restore) => outcomeViolations(restore, byRestore.get(restore.id) ?? [], operationOf)),
      ...recordViolations(state),
      ...[...byRestore.keys()].filter((id) => !known.has(id)).map((id) => `an event has the waiting restore ${id}`),
      ...repeated(written).map((id) => `the outbox has the event ${id} twice`),
      ...written
        .filter((id) => !published.some((event) => event.id === id))
        .map((id) => `the event ${id} of a waiting restore was not published`),
    ],
  }
}

/** A completion that began after the answer to a sign-in: the sign-in must have vetoed. */
const isAfterSignIn = ({ objections, completions }: WaitingStory): boolean => {
  const begins = completions.flatMap(({ tries }) => tries.map(({ startedAt }) => startedAt.getTime()))
  return objections.some(
    ({ by, status, endedAt }) => by === 'sign_in' && status === 200 && Math.min(...begins) > endedAt.getTime(),
  )
}

const saidStates = { vetoed: 'vetoed', completed: 'completed', over: 'expired' } as const

const answerViolations = (story: WaitingStory, row: WaitingRow | undefined): string[] => {
  const { customer, isOpen, objections, completions } = story
  const { code } = customer
  if (!row) return isOpen ? [`the restore of ${code} was answered and does not wait`] : []
  const { state } = row
  const tries = completions.flatMap((grant) => grant.tries)
  const isAcknowledged = tries.some(isDone)
  const isUncertain = tries.some(({ status }) => isUnknown(status))
  const isSignedIn = objections.some(({ by, status }) => by === 'sign_in' && status === 200)
  const rules: [isViolated: boolean, what: string][] = [
    [objections.some(({ said }) => said && saidStates[said] !== state), 'a page said something else'],
    [isAcknowledged && state !== 'completed', 'a new password was acknowledged'],
    [state === 'completed' && !isAcknowledged && !isUncertain, 'no new password was acknowledged'],
    [state === 'completed' && isAfterSignIn(story), 'a new password was set after a sign-in'],
    [state === 'waiting' && isSignedIn, 'a sign-in did not veto'],
    [state === 'vetoed' && objections.length === 0, 'nobody objected'],
    [
      tries.length > 0 && !isAcknowledged && !isUncertain && objections.length === 0,
      'a new password after the wait was refused',
    ],
  ]
  return rules.filter(([isViolated]) => isViolated).map(([, what]) => `the restore of ${code} is ${state}: ${what}`)
}

/** Each customer opens one waiting restore. */
export const answersFitOutcomes: Check = ({ stories }: ClientLog, { waitingRestores }) => {
  const rows = Map.groupBy(waitingRestores, ({ customerId }) => customerId)
  const customers = new Set(stories.map(({ customer }) => customer.id))
  return {
    checked: stories.length,
    breakdown: { objections: stories.reduce((sum, { objections }) => sum + objections.length, 0) },
    violations: [
      ...stories.flatMap((story) => answerViolations(story, rows.get(story.customer.id)?.[0])),
      ...[...rows]
        .filter(([customerId, own]) => own.length > 1 || !customers.has(customerId))
        .map(([customerId, own]) => `customer ${customerId} has ${own.length} waiting restores`),
    ],
  }
}
