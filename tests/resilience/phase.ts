import { mkdirSync } from 'node:fs'
import { createCustomer, type TestCustomer } from '@rekey/test-support/customers'
import type { Teardown } from '@rekey/test-support/infrastructure'
import { connect } from 'nats'
import { awaitIdle } from './await-idle.ts'
import type { Finding } from './checks/finding.ts'
import { countRepeats, slowestCodeMs } from './checks/messages.ts'
import { check } from './checks.ts'
import type { ClientLog } from './client-log.ts'
import { readFinalState } from './final-state.ts'
import { type FailureCounts, injectFailures } from './inject.ts'
import { type Crowd, startLoad } from './load.ts'
import { longLengths } from './long-failures.ts'
import { openMailbox } from './mailbox.ts'
import { untilOneIsServed } from './new-customer.ts'
import { startPoison } from './poison.ts'
import { type Prefilled, prefillDatabase } from './prefilled-database.ts'
import { watchProgress } from './progress/monitor.ts'
import { longestStandstill, toFinding } from './progress/standstills.ts'
import { type Recovery, watchRecovery } from './recovery.ts'
import type { FailureKind } from './schedule.ts'
import { startSystem } from './system.ts'

interface Options {
  seed: number
  /** NATS servers: one, or the three of a cluster. */
  brokers: number
  /** How long failures are injected. */
  lengthMs: number
  /** Injects only this kind of failure, once for each target; by default all kinds, again and again. */
  only?: FailureKind | undefined
  /** Customers without a second factor who are active at a time. */
  customers: number
  crowd: Crowd
  dataDir: string
}

export interface PhaseResult {
  brokers: number
  failures: FailureCounts
  requests: ClientLog['requests']
  /** Messages with a repeated Message-ID. */
  repeatedMessages: number
  /** Delivery time of the slowest promised code. */
  slowestCodeMs: number
  recovery: Recovery
  prefilled: Prefilled
  longestStandstill: string
  findings: Finding[]
}

const patienceMs = 60_000

/** A code must outlive the long failures that may delay it: two of the longest, and several others. */
const codeLifeMs = (lengthMs: number) => 60_000 + 3 * longLengths(lengthMs).longestMs

/** Parts and connections that a code passes before it is sent. */
const partsOfCodes = /^NATS|^Postgres|^notifier|^password-service to (NATS|Postgres)/

/** Often in a short run, so that it has many kinds of poison; less often in a longer one, so that other work goes on. */
const poisonEveryMs = (lengthMs: number) => Math.min(5_000, Math.max(1_000, lengthMs / 24))

const createCustomers = async (databaseUrl: string, count: number): Promise<TestCustomer[]> => {
  const customers: TestCustomer[] = []
  while (customers.length < count) customers.push(await createCustomer(databaseUrl))
  return customers
}

/** Runs one system: load, failures, recovery, and the checks of the final state. */
export const runPhase = async (
  t: Teardown,
  { seed, brokers, lengthMs, only, customers, crowd, dataDir }: Options,
): Promise<PhaseResult> => {
  mkdirSync(dataDir, { recursive: true })
  const codesLiveMs = codeLifeMs(lengthMs)
  const system = await startSystem(t, dataDir, {
    brokers,
    startedAt: '/healthz',
    env: { REKEY_CODE_TTL_SECONDS: String(Math.ceil(codesLiveMs / 1_000)) },
  })
  const prefilled = await prefillDatabase(system.databaseUrl, lengthMs)
  const mailbox = openMailbox(system.inbox)
  const load = startLoad({
    system,
    crowd,
    customers: await createCustomers(system.databaseUrl, customers),
    mailbox,
  })
  // Stops the load also if the run fails. Its own error is reported by `load.stop()` below.
  t.teardown(() => Promise.allSettled([load.stop(), mailbox.close()]))
  const { clientLog } = load

  const beforeMs = await untilOneIsServed({ system, mailbox, clientLog }, AbortSignal.timeout(patienceMs))
  if (beforeMs === undefined) throw new Error(`no customer was served within ${patienceMs} ms before the first failure`)
  const servers = system.brokers.servers.map(({ url }) => url)
  const connection = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 250 })
  const monitor = watchProgress(system, connection)
  const poison = startPoison({ databaseUrl: system.databaseUrl, connection, everyMs: poisonEveryMs(lengthMs) })
  try {
    const {
      counts,
      longFailures,
      isAfterLongFailure,
      lastUndoneAt: overAt,
    } = await injectFailures(system, { seed, lengthMs, only })
    const recovery = await watchRecovery({ system, mailbox, clientLog, overAt, isAfterLongFailure, beforeMs })
    await load.stop()
    await poison.stop()
    const waiting = await awaitIdle(system.databaseUrl, connection, poison.sent)
    const progress = await monitor.stop()
    await mailbox.close()
    const state = await readFinalState({
      ...{
        system,
        connection,
        clientLog,
        prefilled,
        poison: poison.sent,
        waiting,
        messages: mailbox.messages,
        codesLiveMs,
      },
      codesDelayed: longFailures.filter(({ target }) => partsOfCodes.test(target)),
    })
    return {
      brokers,
      failures: counts,
      requests: clientLog.requests,
      repeatedMessages: countRepeats(state),
      slowestCodeMs: slowestCodeMs(clientLog, state),
      recovery,
      prefilled,
      longestStandstill: longestStandstill(progress.standstills),
      findings: [...(await check(clientLog, state)), toFinding(progress), recovery.finding],
    }
  } finally {
    await Promise.allSettled([monitor.stop(), poison.stop()])
    await connection.close()
  }
}
