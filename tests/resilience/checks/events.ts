import type { Check } from './finding.ts'

/** What tells listeners of a new password. */
export const isFact = (type: string): boolean => type.startsWith('password.')

export const oneEventEach: Check = (_seen, { history, outbox, events }) => {
  const published = Map.groupBy(
    events.PASSWORD.filter(({ type }) => isFact(type)),
    ({ data }) => data.changeId,
  )
  const written = Map.groupBy(
    outbox.filter(({ type }) => isFact(type)),
    ({ changeId }) => changeId,
  )
  const changes = new Set<unknown>(history.map(({ id }) => id))
  const ofCustomers = Map.groupBy(events.PASSWORD, ({ subject }) => subject)
  return {
    proven: history.length,
    faults: [
      ...history.flatMap(({ id }) => {
        const found = published.get(id) ?? []
        const [row, ...more] = written.get(id) ?? []
        if (found.length === 1 && found[0]?.id === row?.eventId && more.length === 0) return []
        return [`record ${id} has the events ${found.map((event) => event.id)} and the outbox ${row?.eventId}`]
      }),
      ...[...published.keys()]
        .filter((id) => !changes.has(id))
        .map((id) => `an event tells of ${id}, which is not there`),
      ...[...ofCustomers].flatMap(([customer, of]) => {
        const order = of.map(({ data }) => Number(data.changeId))
        const isOrdered = order.every((id, index) => index === 0 || id > (order[index - 1] ?? 0))
        return isOrdered ? [] : [`events of ${customer} came as ${order}`]
      }),
    ],
  }
}

export const chainsHold: Check = (_seen, { verification, history, grownRecords }) => {
  const { records, invalid } = verification
  const faults = invalid ? [`record ${invalid.changeId} of customer ${invalid.customerId}: ${invalid.flaw}`] : []
  const all = grownRecords + history.length
  if (!invalid && records !== all) faults.push(`${records} of ${all} records were read`)
  return { proven: records, faults }
}

export const nothingGivenUp: Check = (_seen, { outbox, waiting, poison, events }) => {
  const hopeless = new Set(poison.filter(({ fate }) => fate !== 'held').map(({ id }) => id))
  const given = events.DEAD.filter(({ id }) => !hopeless.has(id))
  return {
    proven: outbox.length + events.AUTH.length,
    faults: [...waiting, ...given.map(({ type, id }) => `${type} ${id} is a dead letter`)],
  }
}
