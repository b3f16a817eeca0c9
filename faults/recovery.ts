import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer } from '@rekey/testing/customers'
import type { Finding } from './checks.ts'
import { createClient } from './client.ts'
import { createJourneys, GaveUp, type Person } from './journeys.ts'
import type { Mailbox } from './mailbox.ts'
import type { Seen } from './seen.ts'
import type { System } from './system.ts'

const limitMs = 10_000
const pauseMs = 100

export interface Recovery {
  finding: Finding
  /** From the end of the last fault on; undefined where it was not in time. */
  readyAfterMs: number | undefined
  servedAfterMs: number | undefined
}

/** By the service's name, what of it is not ready. */
const unready = async ({ services }: System, signal: AbortSignal): Promise<string[]> => {
  const answers = Object.entries(services).map(async ([name, { url }]) => {
    const response = await fetch(`${url}/readyz`, { signal }).catch(() => undefined)
    return response?.ok ? [] : [`${name}: ${await response?.text()}`]
  })
  return (await Promise.all(answers)).flat()
}

/** Somebody who comes now restores the password, signs in with it and changes it. */
const isServed = async (person: Person, journeys: ReturnType<typeof createJourneys>): Promise<boolean> => {
  try {
    await journeys.restoreByBank(person)
    if (person.password !== undefined) await journeys.change(person, person.password)
    return person.password !== undefined
  } catch (thrown) {
    if (thrown instanceof GaveUp) return false
    throw thrown
  }
}

/**
 * Watches how all comes back by itself once the last fault is over: every service says that it is ready, and a new
 * customer gets through.
 *
 * @param overAt when the last fault was over, as `performance.now()` tells it
 */
export const watchRecovery = async (
  system: System,
  { seen, mailbox, overAt }: { seen: Seen; mailbox: Mailbox; overAt: number },
): Promise<Recovery> => {
  const customer = await createCustomer(system.databaseUrl)
  seen.customers.push(customer)
  const person: Person = { customer, password: customer.password }
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), Math.max(0, overAt + limitMs - performance.now()))
  const client = createClient(system.origin, seen, late.signal)
  const journeys = createJourneys({ client, mailbox, seen, stopped: late.signal })
  /** @returns after how many ms it was so, or undefined where it was not in time */
  const timeOf = async (isSo: () => Promise<boolean>) => {
    try {
      while (!(await isSo())) await delay(pauseMs, undefined, { signal: late.signal })
      return Math.round(performance.now() - overAt)
    } catch (thrown) {
      if (!late.signal.aborted) throw thrown
    }
  }
  let notReady: string[] = []
  const [readyAfterMs, servedAfterMs] = await Promise.all([
    timeOf(async () => {
      notReady = await unready(system, late.signal)
      return notReady.length === 0
    }),
    timeOf(() => isServed(person, journeys)),
  ])
  clearTimeout(timer)
  const faults = [
    ...(readyAfterMs === undefined ? notReady : []),
    ...(servedAfterMs === undefined ? ['a new customer could not restore, sign in and change the password'] : []),
  ]
  const what = `new customers were served, by services that were ready, ${limitMs / 1_000} s after the last fault`
  return { finding: { what, proven: 1, faults }, readyAfterMs, servedAfterMs }
}
