import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import type { TestServer } from '@rekey/test-support/restartable'
import t from 'tap'
import { openMailbox } from './mailbox.ts'
import { balance } from './rolling-restart/balancer.ts'
import { createCrowd } from './rolling-restart/crowd.ts'
import { startSystem } from './system.ts'

// Includes the start, five restarts with one round of all steps after each, and the wait for mail.
t.setTimeout(600_000)

/** Includes three seconds of draining. The exit code 0 proves that no work was left. */
const exitWithinMs = 15_000

t.test('a rolling restart of every service under load fails no request and loses no mail', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-rolling-restart-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  // No request waits for a hash, so that none is refused as overload.
  const env = { REKEY_DRAIN_SECONDS: '3', REKEY_HASH_CONCURRENCY: '4' }
  const system = await startSystem(t, dataDir, { brokers: 1, env })
  const { links, services } = system
  const named = (name: string) => services[name] as TestServer
  const gateways = ['auth-gateway 1', 'auth-gateway 2'].map(named)
  const passwordServices = ['password-service 1', 'password-service 2'].map(named)
  const balancers = [
    balance([links['clients to auth-gateway'], links['password-service to auth-gateway']], gateways),
    balance([links['auth-gateway to password-service']], passwordServices),
  ]
  t.teardown(() => Promise.all(balancers.map((balancer) => balancer.stop())))
  const mailbox = openMailbox(system.inbox)

  const crowd = createCrowd({ origin: system.origin, mailbox })
  const [first, second, third, fourth] = await Promise.all(
    Array.from({ length: 4 }, () => createCustomer(system.databaseUrl)),
  )
  if (!first || !second || !third || !fourth) throw new Error('no customers')
  const session = await crowd.signIn(fourth)
  const journeys = [
    crowd.repeat(() => crowd.restore(first)),
    crowd.repeat(() => crowd.restore(second)),
    crowd.repeat(async () => crowd.readHistory(await crowd.signIn(third))),
    crowd.repeat(() => crowd.readHistory(session)),
    crowd.repeat(() => crowd.readHistory(session)),
  ]
  const steps = ['A1', 'A2', 'A4', 'A4b', 'A5', 'B2', 'B3']
  /** Waits until every step is answered once more. */
  const allStepsServed = async () => {
    const before = steps.map(crowd.answered)
    await eventually(() => steps.every((step, index) => crowd.answered(step) > (before[index] ?? 0)), {
      timeoutMs: 60_000,
      what: `every step to be answered once more; failures: ${crowd.failures}`,
    })
  }

  await allStepsServed()
  for (const [name, service] of Object.entries(services)) {
    const { exited } = service
    const started = performance.now()
    process.kill(service.pid, 'SIGTERM')
    t.equal(await exited, 0, `${name} exits with 0`)
    const ms = performance.now() - started
    t.ok(ms < exitWithinMs, `${name} ended after ${Math.round(ms)} ms`)
    await service.restart()
    const balancer = balancers.find((_, index) => [gateways, passwordServices][index]?.includes(service))
    await eventually(() => balancer === undefined || balancer.leadsTo(service), {
      what: `${name} to get traffic again`,
    })
    await allStepsServed()
  }
  crowd.stop()
  await Promise.all(journeys)
  await mailbox.close()

  t.same(crowd.failures, [])
  const [row] = await sql<{ count: number }>(system.databaseUrl, 'SELECT count(*)::int AS count FROM password_change')
  t.equal(row?.count, crowd.answered('B2'), 'every acknowledged password is in the history once')
  t.comment(steps.map((step) => `${step}: ${crowd.answered(step)}`).join(', '))
})
