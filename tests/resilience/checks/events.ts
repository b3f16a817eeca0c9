import { RestoreCompleted } from '@rekey/contracts'
import type { Check } from './finding.ts'

/** True for the events of a new password. */
export const isPasswordEvent = (type: string): boolean => type.startsWith('password.')

export const oneEventEach: Check = (_clientLog, { history, outbox, events }) => {
  const published = Map.groupBy(
    events.PASSWORD.filter(({ type }) => isPasswordEvent(type)),
    ({ data }) => data.changeId,
  )
  const written = Map.groupBy(
    outbox.filter(({ type }) => isPasswordEvent(type)),
    ({ changeId }) => changeId,
  )
  const changes = new Set<unknown>(history.map(({ id }) => id))
  const ofCustomers = Map.groupBy(events.PASSWORD, ({ subject }) => subject)
  return {
    checked: history.length,
    violations: [
      ...history.flatMap(({ id }) => {
        const found = published.get(id) ?? []
        const [row, ...more] = written.get(id) ?? []
        if (found.length === 1 && found[0]?.id === row?.eventId && more.length === 0) return []
        return [`record ${id} has the events ${found.map((event) => event.id)} and the outbox ${row?.eventId}`]
      }),
      ...[...published.keys()]
        .filter((id) => !changes.has(id))
        .map((id) => `an event has the record ${id}, which does not exist`),
      ...[...ofCustomers].flatMap(([customer, of]) => {
        // The completion of a waiting restore has the record of its new password.
        const order = of.filter(({ type }) => type !== RestoreCompleted.type).map(({ data }) => Number(data.changeId))
        const isOrdered = order.every((id, index) => index === 0 || id > (order[index - 1] ?? 0))
        return isOrdered ? [] : [`events of ${customer} were published in the order ${order}`]
      }),
    ],
  }
}

export const chainsAreUnbroken: Check = (_clientLog, { verification, history, waitingRecords, prefilledRecords }) => {
  const { records, invalid } = verification
  const violations = invalid ? [`record ${invalid.changeId} of customer ${invalid.customerId}: ${invalid.flaw}`] : []
  const all = prefilledRecords + history.length + waitingRecords.length
  if (!invalid && records !== all) violations.push(`${records} of ${all} records were read`)
  return { checked: records, violations }
}

export const allEventsHandled: Check = (_clientLog, { outbox, waiting, poison, events }) => {
  const expected = new Set(poison.filter(({ fate }) => fate !== 'held').map(({ id }) => id))
  const unexpected = events.DEAD.filter(({ id }) => !expected.has(id))
  return {
    checked: outbox.length + events.AUTH.length,
    violations: [...waiting, ...unexpected.map(({ type, id }) => `${type} ${id} is a dead letter`)],
  }
}
