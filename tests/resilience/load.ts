import { setTimeout as delay } from 'node:timers/promises'
import type { TestCustomer } from '@rekey/test-support/customers'
import { createClient } from './client.ts'
import { type ClientLog, emptyClientLog } from './client-log.ts'
import { createSteps, JourneyAbandoned, type Person } from './journey-steps.ts'
import { createJourneys } from './journeys.ts'
import type { Mailbox } from './mailbox.ts'
import { createProofSteps } from './proof-steps.ts'
import { createFactorJourneys } from './second-factors/journeys.ts'
import { createPeople, type Enrolled } from './second-factors/people.ts'
import type { System } from './system.ts'
import { createPassingTime } from './waiting/passing-time.ts'
import { createStories, type Plot, plots } from './waiting/stories.ts'

/** How many customers are active at a time, besides those without a second factor. */
export interface Crowd {
  /** With an authenticator app. */
  apps: number
  /** With recovery codes. */
  recoveryCodes: number
  /** Whose restore waits. */
  waiting: number
}

interface Options {
  system: Pick<System, 'origin' | 'databaseUrl' | 'secretsFile'>
  customers: TestCustomer[]
  crowd: Crowd
  mailbox: Mailbox
}

export interface Load {
  clientLog: ClientLog
  /** Begins no more journeys, and waits for the requests in flight. */
  stop(): Promise<ClientLog>
}

const restMs = { least: 300, most: 1_200 }

/** Many customers in parallel restore and change their passwords, and sign in, until it is stopped. */
export const startLoad = ({ system, customers, crowd, mailbox }: Options): Load => {
  const clientLog = emptyClientLog(customers)
  const stopping = new AbortController()
  const stopped = stopping.signal
  const client = createClient(system.origin, { note: (step, status) => clientLog.note(step, status), stopped })
  const deps = { client, mailbox, clientLog, stopped }
  const steps = createSteps(deps)
  const proofSteps = createProofSteps(deps, steps)
  const journeys = createJourneys(deps, steps)
  const factors = createFactorJourneys(deps, steps, proofSteps)
  const time = createPassingTime(system.databaseUrl, stopped)
  const stories = createStories(deps, { steps, proofSteps, factors, time })
  const people = createPeople(system, { customers, stopped })

  /** Repeats a journey until the load is stopped; one that is abandoned is followed by the next. */
  const repeat = async (first: number, journey: (turn: number) => Promise<unknown>) => {
    for (let turn = first; !stopped.aborted; turn += 1) {
      try {
        await journey(turn)
      } catch (thrown) {
        if (!(thrown instanceof JourneyAbandoned) && !stopped.aborted) throw thrown
      }
      const { least, most } = restMs
      await delay(least + Math.random() * (most - least), undefined, { signal: stopped }).catch(() => {})
    }
  }

  const live = (customer: TestCustomer, index: number) => {
    const person: Person = { customer, password: customer.password }
    return repeat(index, (turn) => {
      // A customer without a known password can only restore it.
      if (turn % 2 === 0 && person.password !== undefined) return journeys.change(person, person.password)
      return turn % 3 === 0 ? journeys.restoreByBroker(person) : journeys.restoreByBank(person)
    })
  }
  const proveByFactor = (make: () => Promise<Enrolled>, index: number) => {
    let person: Enrolled | undefined
    return repeat(index, async (turn) => {
      if (!person?.hasCodes()) person = await make()
      const { password } = person
      await (turn % 2 === 0 && password !== undefined ? factors.signIn(person, password) : factors.restore(person))
    })
  }
  // Each begins two plots later than the one before, so that a short run has all of them.
  const wait = (index: number) =>
    repeat(2 * index, async (turn) => stories.tell(await people.withApp(), plots[turn % plots.length] as Plot))

  const times = (count: number, work: (index: number) => Promise<unknown>) =>
    Array.from({ length: count }, (_, at) => work(at))
  const running = Promise.all([
    ...[...customers].map(live),
    ...times(crowd.apps, (index) => proveByFactor(people.withApp, index)),
    ...times(crowd.recoveryCodes, (index) => proveByFactor(people.withRecoveryCodes, index)),
    ...times(crowd.waiting, wait),
  ])
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
