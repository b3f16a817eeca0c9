import { createCustomer } from '@rekey/testing/customers'
import { createClient } from './client.ts'
import { createJourneys, GaveUp, type Person } from './journeys.ts'
import type { Mailbox } from './mailbox.ts'
import { isUnknown, type Seen } from './seen.ts'
import type { System } from './system.ts'

interface Surroundings {
  system: System
  mailbox: Mailbox
  seen: Seen
}

/**
 * Somebody who was not there before restores the password, signs in with it and changes it.
 *
 * @returns how long it took, in ms; undefined where a request was not answered, or answered 503, or a message did not
 * come
 */
export const walkThrough = async (
  { system, mailbox, seen }: Surroundings,
  stopped: AbortSignal,
): Promise<number | undefined> => {
  const customer = await createCustomer(system.databaseUrl)
  seen.customers.push(customer)
  const person: Person = { customer, password: undefined }
  let unanswered = 0
  const client = createClient(system.originOfNewcomers, {
    stopped,
    note(step, status) {
      seen.note(step, status)
      if (isUnknown(status)) unanswered += 1
    },
  })
  const journeys = createJourneys({ client, mailbox, seen, stopped })
  const begunAt = performance.now()
  try {
    await journeys.restoreByBank(person)
    if (person.password === undefined) return undefined
    await journeys.change(person, person.password)
    return unanswered === 0 && person.password !== undefined ? Math.round(performance.now() - begunAt) : undefined
  } catch (thrown) {
    if (thrown instanceof GaveUp || stopped.aborted) return undefined
    throw thrown
  }
}

/** Newcomers, one after the other, until one gets through. @returns how long that one took, in ms */
export const untilSomebodyIsServed = async (
  surroundings: Surroundings,
  stopped: AbortSignal,
): Promise<number | undefined> => {
  while (!stopped.aborted) {
    const tookMs = await walkThrough(surroundings, stopped)
    if (tookMs !== undefined) return tookMs
  }
  return undefined
}
