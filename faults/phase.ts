import { mkdirSync } from 'node:fs'
import { createCustomer, type TestCustomer } from '@rekey/testing/customers'
import type { Teardown } from '@rekey/testing/infrastructure'
import { connect } from 'nats'
import { awaitIdle } from './backlog.ts'
import type { Finding } from './checks/finding.ts'
import { countRepeats, slowestCodeMs } from './checks/messages.ts'
import { check } from './checks.ts'
import { readHeld } from './held.ts'
import { type FaultCounts, harm } from './injection.ts'
import { startLoad } from './load.ts'
import { openMailbox } from './mailbox.ts'
import { untilSomebodyIsServed } from './newcomer.ts'
import { type Recovery, watchRecovery } from './recovery.ts'
import type { Seen } from './seen.ts'
import { startSystem } from './system.ts'

interface Options {
  seed: number
  /** NATS servers: one, or the three of a cluster. */
  brokers: number
  /** How long faults are done. */
  lengthMs: number
  /** How many do something at a time. */
  customers: number
  dataDir: string
}

export interface PhaseResult {
  brokers: number
  faults: FaultCounts
  requests: Seen['requests']
  /** Messages that came twice, by their Message-ID. */
  repeatedMessages: number
  /** That was promised. */
  slowestCodeMs: number
  recovery: Recovery
  findings: Finding[]
}

const patienceMs = 60_000

/** Not as long as a run: a code that is late must not pass for one that came in time. */
const codesLiveSeconds = 60

const createCustomers = async (databaseUrl: string, count: number): Promise<TestCustomer[]> => {
  const customers: TestCustomer[] = []
  while (customers.length < count) customers.push(await createCustomer(databaseUrl))
  return customers
}

/** One system from its start to its end: load, faults, recovery, and what is left of them. */
export const runPhase = async (
  t: Teardown,
  { seed, brokers, lengthMs, customers, dataDir }: Options,
): Promise<PhaseResult> => {
  mkdirSync(dataDir, { recursive: true })
  const system = await startSystem(t, dataDir, {
    brokers,
    startedAt: '/healthz',
    env: { REKEY_CODE_TTL_SECONDS: String(codesLiveSeconds) },
  })
  const mailbox = openMailbox(system.inbox)
  const load = startLoad({
    origin: system.origin,
    customers: await createCustomers(system.databaseUrl, customers),
    mailbox,
  })
  // Also where the run fails: nobody goes on asking. What they died of is told by the end of a run that did not fail.
  t.teardown(() => Promise.allSettled([load.stop(), mailbox.close()]))
  const { seen } = load

  const beforeMs = await untilSomebodyIsServed({ system, mailbox, seen }, AbortSignal.timeout(patienceMs))
  if (beforeMs === undefined)
    throw new Error(`nobody was served within ${patienceMs} ms although there was no fault yet`)
  const { counts, lastUndoneAt: overAt } = await harm(system, { seed, lengthMs })
  const recovery = await watchRecovery({ system, mailbox, seen, overAt, beforeMs })
  await load.stop()

  const connection = await connect({ servers: system.brokers.servers.map(({ url }) => url) })
  try {
    const waiting = await awaitIdle(system.databaseUrl, connection)
    await mailbox.close()
    const held = await readHeld({ system, connection, seen, waiting, messages: mailbox.messages })
    return {
      brokers,
      faults: counts,
      requests: seen.requests,
      repeatedMessages: countRepeats(held),
      slowestCodeMs: slowestCodeMs(seen, held, codesLiveSeconds * 1_000),
      recovery,
      findings: [...(await check(seen, held)), recovery.finding],
    }
  } finally {
    await connection.close()
  }
}
