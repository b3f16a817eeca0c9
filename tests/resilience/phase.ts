import { mkdirSync } from 'node:fs'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { connect } from 'nats'
import { awaitIdle } from './backlog.ts'
import type { Finding } from './checks/finding.ts'
import { countRepeats, slowestCodeMs } from './checks/messages.ts'
import { check } from './checks.ts'
import { type Grown, growDatabase } from './grown-database.ts'
import { readHeld } from './held.ts'
import { type FaultCounts, harm } from './injection.ts'
import { startLoad } from './load.ts'
import { longLengths } from './long-faults.ts'
import { openMailbox } from './mailbox.ts'
import { untilSomebodyIsServed } from './newcomer.ts'
import { startPoison } from './poison.ts'
import { watchProgress } from './progress/monitor.ts'
import { longestStandstill, toFinding } from './progress/standstills.ts'
import { type Recovery, watchRecovery } from './recovery.ts'
import type { FaultKind } from './schedule.ts'
import type { Seen } from './seen.ts'
import { startSystem } from './system.ts'

interface Options {
  seed: number
  /** NATS servers: one, or the three of a cluster. */
  brokers: number
  /** How long faults are done. */
  lengthMs: number
  /** The one kind of fault that is done; absent: all kinds. */
  only?: FaultKind | undefined
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
  grown: Grown
  longestStandstill: string
  findings: Finding[]
}

const patienceMs = 60_000

/** A code must outlive the long faults that may hold it up: two of the longest, and several others. */
const codeLifeMs = (lengthMs: number) => 60_000 + 3 * longLengths(lengthMs).longestMs

/** Parts and connections that a code passes before it is sent. */
const onTheWayOfCodes = /^NATS|^Postgres|^notifier|^password-service to (NATS|Postgres)/

/** In a short run as many kinds of poison as possible, in a longer one no more than leaves time for the rest. */
const poisonEveryMs = (lengthMs: number) => Math.min(5_000, Math.max(1_000, lengthMs / 24))

const createCustomers = async (databaseUrl: string, count: number): Promise<TestCustomer[]> => {
  const customers: TestCustomer[] = []
  while (customers.length < count) customers.push(await createCustomer(databaseUrl))
  return customers
}

/** One system from its start to its end: load, faults, recovery, and what is left of them. */
export const runPhase = async (
  t: Teardown,
  { seed, brokers, lengthMs, only, customers, dataDir }: Options,
): Promise<PhaseResult> => {
  mkdirSync(dataDir, { recursive: true })
  const codesLiveMs = codeLifeMs(lengthMs)
  const system = await startSystem(t, dataDir, {
    brokers,
    startedAt: '/healthz',
    env: { REKEY_CODE_TTL_SECONDS: String(Math.ceil(codesLiveMs / 1_000)) },
  })
  const grown = await growDatabase(system.databaseUrl, lengthMs)
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
  const servers = system.brokers.servers.map(({ url }) => url)
  const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 250 })
  const monitor = watchProgress(system, connection)
  const poison = startPoison({ databaseUrl: system.databaseUrl, connection, everyMs: poisonEveryMs(lengthMs) })
  try {
    const { counts, longFaults, isAfterLongFault, lastUndoneAt: overAt } = await harm(system, { seed, lengthMs, only })
    const recovery = await watchRecovery({ system, mailbox, seen, overAt, isAfterLongFault, beforeMs })
    await load.stop()
    await poison.stop()
    const waiting = await awaitIdle(system.databaseUrl, connection, poison.sent)
    const progress = await monitor.stop()
    await mailbox.close()
    const held = await readHeld({
      ...{ system, connection, seen, grown, poison: poison.sent, waiting, messages: mailbox.messages, codesLiveMs },
      codesHeldUp: longFaults.filter(({ target }) => onTheWayOfCodes.test(target)),
    })
    return {
      brokers,
      faults: counts,
      requests: seen.requests,
      repeatedMessages: countRepeats(held),
      slowestCodeMs: slowestCodeMs(seen, held),
      recovery,
      grown,
      longestStandstill: longestStandstill(progress.standstills),
      findings: [...(await check(seen, held)), toFinding(progress), recovery.finding],
    }
  } finally {
    await Promise.allSettled([monitor.stop(), poison.stop()])
    await connection.close()
  }
}
