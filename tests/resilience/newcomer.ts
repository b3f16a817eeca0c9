import { createCustomer } from '@rekey/test-support/customers'
import { createClient } from './client.ts'
import { createJourneys } from './journeys.ts'
import type { Mailbox } from './mailbox.ts'
import type { Seen, Status } from './seen.ts'
import { GaveUp, type Person } from './steps.ts'
import type { System } from './system.ts'

interface Runtime {
  system: System
  mailbox: Mailbox
  seen: Seen
}

/**
 * Somebody who was not there before restores the password, signs in with it and changes it.
 *
 * @returns how long it took, in ms; undefined where it came to nothing
 */
const walkThrough = async ({ system, mailbox, seen }: Runtime, stopped: AbortSignal): Promise<number | undefined> => {
  const customer = await createCustomer(system.databaseUrl)
  seen.customers.push(customer)
  const person: Person = { customer, password: undefined }
  const note = (step: string, status: Status) => seen.note(step, status)
  const client = createClient(system.originOfNewcomers, { note, stopped })
  const journeys = createJourneys({ client, mailbox, seen, stopped })
  const begunAt = performance.now()
  try {
    await journeys.restoreByBank(person)
    if (person.password !== undefined) await journeys.change(person, person.password)
    return person.password === undefined ? undefined : Math.round(performance.now() - begunAt)
  } catch (thrown) {
    if (thrown instanceof GaveUp || stopped.aborted) return undefined
    throw thrown
  }
}

/**
 * Newcomers, one after the other, until one gets through, who asks again where told to come again.
 *
 * @returns how long that one took, in ms
 */
export const untilSomebodyIsServed = async (runtime: Runtime, stopped: AbortSignal): Promise<number | undefined> => {
  while (!stopped.aborted) {
    const tookMs = await walkThrough(runtime, stopped)
    if (tookMs !== undefined) return tookMs
  }
  return undefined
}
