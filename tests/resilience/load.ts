import { setTimeout as delay } from 'node:timers/promises'
import type { TestCustomer } from '@rekey/test-support/customers'
import { createClient } from './client.ts'
import { createJourneys } from './journeys.ts'
import type { Mailbox } from './mailbox.ts'
import { nothingSeen, type Seen } from './seen.ts'
import { GaveUp, type Person } from './steps.ts'

interface Options {
  /** Origin of the gateway. */
  origin: string
  customers: TestCustomer[]
  mailbox: Mailbox
}

export interface Load {
  seen: Seen
  /** Begins nothing more, and waits for what was asked to be answered, or not to be. */
  stop(): Promise<Seen>
}

const restMs = { least: 300, most: 1_200 }

/** Many customers who restore and change their passwords, each one step after the other, until it is stopped. */
export const startLoad = ({ origin, customers, mailbox }: Options): Load => {
  const seen = nothingSeen(customers)
  const stopping = new AbortController()
  const stopped = stopping.signal
  const client = createClient(origin, { note: (step, status) => seen.note(step, status), stopped })
  const journeys = createJourneys({ client, mailbox, seen, stopped })

  const travel = (person: Person, turn: number) => {
    // Who does not know the password can only restore it.
    if (turn % 2 === 0 && person.password !== undefined) return journeys.change(person, person.password)
    return turn % 3 === 0 ? journeys.restoreByBroker(person) : journeys.restoreByBank(person)
  }
  const live = async (customer: TestCustomer, index: number) => {
    const person: Person = { customer, password: customer.password }
    for (let turn = index; !stopped.aborted; turn += 1) {
      try {
        await travel(person, turn)
      } catch (thrown) {
        if (!(thrown instanceof GaveUp) && !stopped.aborted) throw thrown
      }
      const { least, most } = restMs
      await delay(least + Math.random() * (most - least), undefined, { signal: stopped }).catch(() => {})
    }
  }
  const lives = Promise.all(customers.map(live))
  // Told by stop().
  lives.catch(() => {})

  return {
    seen,
    async stop() {
      stopping.abort()
      await lives
      return seen
    },
  }
}
