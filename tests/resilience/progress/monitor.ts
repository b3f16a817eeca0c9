import { setTimeout as delay } from 'node:timers/promises'
import { withSettings } from '@rekey/platform/postgres-settings'
import type { JetStreamManager, NatsConnection } from 'nats'
import pg from 'pg'
import { readProgress } from '../outbox.ts'
import type { System } from '../system.ts'
import { createStandstills, type Progress, type Queue, type Readiness } from './standstills.ts'

const pollMs = 1_000
/** Time-out of each answer: services wait 1.5 s for their stores. */
const timeoutMs = 2_500
const readinessOf = async (url: string): Promise<Readiness> => {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(timeoutMs) })
    if (!response.ok) return { status: 'unavailable' }
    const answer = (await response.json()) as Readiness & { checks: Record<string, string> }
    const isWhole = Object.values(answer.checks).every((check) => check === 'ok')
    return isWhole ? answer : { ...answer, status: 'unavailable' }
  } catch {
    return { status: 'unavailable' }
  }
}

const readOutbox = async (databaseUrl: string): Promise<Queue[]> => {
  const client = new pg.Client({
    connectionString: withSettings(databaseUrl),
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return (await readProgress(client)).map(({ stream, waiting, position }) => {
      const name = `outbox ${stream}`
      return { name, service: 'password-service', waiting, position }
    })
  } finally {
    await client.end().catch(() => {})
  }
}

const serviceOf = (consumer: string, services: string[]) =>
  services.find((service) => consumer.startsWith(`${service}-`)) ?? consumer

const readConsumers = async (jsm: JetStreamManager, stream: string, services: string[]): Promise<Queue[]> => {
  const consumers = await jsm.consumers.list(stream).next()
  return consumers.map(({ name, num_pending, delivered }) => ({
    name: `consumer ${name}`,
    service: serviceOf(name, services),
    waiting: num_pending,
    position: `after ${delivered.stream_seq}`,
  }))
}

export interface ProgressMonitor {
  stop(): Promise<Progress>
}

/** Reads queues and readiness about once a second, without passing a link. */
export const watchProgress = (system: System, connection: NatsConnection): ProgressMonitor => {
  const stopped = new AbortController()
  const { observe, found } = createStandstills()
  const services = [...new Set(Object.keys(system.services).map((name) => name.replace(/ \d+$/, '')))]

  const readQueues = async (): Promise<Queue[]> => {
    const jsm = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false })
    const read = await Promise.allSettled([
      readOutbox(system.databaseUrl),
      ...['AUTH', 'PASSWORD', 'NOTIFY', 'MESSAGE'].map((stream) => readConsumers(jsm, stream, services)),
    ])
    return read.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
  }
  const readInstances = async () => {
    const names = Object.entries(system.services)
    return new Map(await Promise.all(names.map(async ([name, { url }]) => [name, await readinessOf(url)] as const)))
  }
  const loop = async () => {
    while (!stopped.signal.aborted) {
      const [queues, instances] = await Promise.all([readQueues(), readInstances()])
      observe({ at: new Date(), queues, instances })
      await delay(pollMs, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }
  const running = loop()
  // stop() reports a failure: without this it would end the process.
  running.catch(() => {})

  return {
    async stop() {
      stopped.abort()
      await running
      return found()
    },
  }
}
