import { createCustomer } from '@rekey/test-support/customers'
import { createClient } from './client.ts'
import type { ClientLog, Status } from './client-log.ts'
import { createSteps, JourneyAbandoned, type Person } from './journey-steps.ts'
import { createJourneys } from './journeys.ts'
import type { Mailbox } from './mailbox.ts'
import type { System } from './system.ts'

interface Deps {
  system: System
  mailbox: Mailbox
  clientLog: ClientLog
}

/**
 * Creates a customer who restores the password, signs in with it and changes it.
 *
 * @returns how long it took, in ms; undefined if it failed
 */
const walkThrough = async ({ system, mailbox, clientLog }: Deps, stopped: AbortSignal): Promise<number | undefined> => {
  const customer = await createCustomer(system.databaseUrl)
  clientLog.customers.push(customer)
  const person: Person = { customer, password: undefined }
  const note = (step: string, status: Status) => clientLog.note(step, status)
  const client = createClient(system.cleanOrigin, { note, stopped })
  const deps = { client, mailbox, clientLog, stopped }
  const journeys = createJourneys(deps, createSteps(deps))
  const begunAt = performance.now()
  try {
    await journeys.restoreByBank(person)
    if (person.password !== undefined) await journeys.change(person, person.password)
    return person.password === undefined ? undefined : Math.round(performance.now() - begunAt)
  } catch (thrown) {
    if (thrown instanceof JourneyAbandoned || stopped.aborted) return undefined
    throw thrown
  }
}

/**
 * Creates customers one after the other until one completes the journey; each retries as Retry-After says.
 *
 * @returns how long that one took, in ms
 */
export const untilOneIsServed = async (deps: Deps, stopped: AbortSignal): Promise<number | undefined> => {
  while (!stopped.aborted) {
    const tookMs = await walkThrough(deps, stopped)
    if (tookMs !== undefined) return tookMs
  }
  return undefined
}
