import { setTimeout as delay } from 'node:timers/promises'
import type { TestCustomer } from '@rekey/test-support/customers'
import { createClient } from './client.ts'
import { type ClientLog, emptyClientLog } from './client-log.ts'
import { JourneyAbandoned, type Person } from './journey-steps.ts'
import { createJourneys } from './journeys.ts'
import type { Mailbox } from './mailbox.ts'

interface Options {
  /** Origin of the gateway. */
  origin: string
  customers: TestCustomer[]
  mailbox: Mailbox
}

export interface Load {
  clientLog: ClientLog
  /** Begins no more journeys, and waits for the requests in flight. */
  stop(): Promise<ClientLog>
}

const restMs = { least: 300, most: 1_200 }

/** Many customers in parallel restore and change their passwords until it is stopped. */
export const startLoad = ({ origin, customers, mailbox }: Options): Load => {
  const clientLog = emptyClientLog(customers)
  const stopping = new AbortController()
  const stopped = stopping.signal
  const client = createClient(origin, { note: (step, status) => clientLog.note(step, status), stopped })
  const journeys = createJourneys({ client, mailbox, clientLog, stopped })

  const journey = (person: Person, turn: number) => {
    // A customer without a known password can only restore it.
    if (turn % 2 === 0 && person.password !== undefined) return journeys.change(person, person.password)
    return turn % 3 === 0 ? journeys.restoreByBroker(person) : journeys.restoreByBank(person)
  }
  const repeat = async (customer: TestCustomer, index: number) => {
    const person: Person = { customer, password: customer.password }
    for (let turn = index; !stopped.aborted; turn += 1) {
      try {
        await journey(person, turn)
      } catch (thrown) {
        if (!(thrown instanceof JourneyAbandoned) && !stopped.aborted) throw thrown
      }
      const { least, most } = restMs
      await delay(least + Math.random() * (most - least), undefined, { signal: stopped }).catch(() => {})
    }
  }
  const running = Promise.all(customers.map(repeat))
  // stop() reports a failure: without this it would end the process.
  running.catch(() => {})

  return {
    clientLog,
    async stop() {
      stopping.abort()
      await running
      return clientLog
    },
  }
}
