import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { connect } from 'nats'
import t, { type Test } from 'tap'
import { openMailbox } from './mailbox.ts'
import { type CrowdRequest, createCrowd } from './rolling-restart/crowd.ts'
import { createTwoVersions, serviceNames, type Version, versions } from './upgrade/two-versions.ts'
import { checkOut, findVersionBefore, root } from './upgrade/version-before.ts'

// An upgrade and its rollback under load: each service of the version before (N−1) and of the sources (N), side by side on
// the same stores. REKEY_UPGRADE_FROM=COMMIT chooses the version before.

// Includes the installation of the version before.
t.setTimeout(900_000)

/** Unused connections between services close after 1.5 s. */
const unusedMs = 3_000
const stepsOfRestore = ['A1', 'A2', 'B2', 'A4']
const steps = [...stepsOfRestore, 'A4b', 'A5', 'B3']

const letters = async (natsUrl: string) => {
  const connection = await connect({ servers: natsUrl })
  try {
    const { state } = await (await connection.jetstreamManager()).streams.info('DEAD')
    return state.messages
  } finally {
    await connection.close()
  }
}

const before = findVersionBefore(process.env)
const title =
  'an upgrade and its rollback fail no request, lose no message, and end no journey that both versions share'
if (typeof before === 'string') t.test(title, { skip: before }, async () => {})
else t.test(title, (t) => prove(t, before.commit, before.reason))

async function prove(t: Test, commit: string, reason: string) {
  t.comment(`N−1 is ${commit.slice(0, 10)}: ${reason}`)
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-upgrade-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const roots: Record<Version, string> = { old: join(dataDir, 'sources'), new: root }
  await checkOut(commit, roots.old)
  const system = await createTwoVersions(t, join(dataDir, 'stores'), roots)

  /** The gateways that get requests, and the sequences of them that journeys took since that was set. */
  let serving: readonly Version[] = ['old']
  const routes = new Map<string, Version[]>()
  const taken = new Set<string>()
  const origin = ({ kind, journey, step }: CrowdRequest) => {
    const version = serving[(journey >> step) % serving.length] ?? 'old'
    const id = `${kind} ${journey}`
    // A journey that began before this stage is not of one sequence.
    const route = step === 0 ? [version] : routes.get(id)?.concat(version)
    if (route) routes.set(id, route)
    if (kind !== 'history' && step === 2 && route) taken.add(`${kind}: ${route.join(' ')}`)
    return system.urlOf(version, 'auth-gateway')
  }
  const serve = (by: readonly Version[]) => {
    serving = by
    routes.clear()
    taken.clear()
    system.publishKeys(by)
  }

  // The version before, alone.
  await system.prepare('old')
  for (const name of serviceNames) await system.start('old', name)
  system.lead('old', ['old'])
  serve(['old'])
  await system.ready('old')

  const mailbox = openMailbox(system.inbox)
  t.teardown(() => mailbox.close())
  const crowd = createCrowd({ origin, mailbox })
  t.teardown(() => crowd.stop())
  const customers = await Promise.all(Array.from({ length: 5 }, () => createCustomer(system.databaseUrl)))
  const [first, second, third, fourth, fifth] = customers
  if (!first || !second || !third || !fourth || !fifth) throw new Error('no customers')
  const session = await crowd.signIn(fifth)
  const work = [
    crowd.repeat(() => crowd.restore(first)),
    crowd.repeat(() => crowd.restore(second)),
    crowd.repeat(async () => crowd.readHistory(await crowd.signIn(third))),
    crowd.repeat(async () => crowd.readHistory(await crowd.signIn(fourth))),
    crowd.repeat(() => crowd.readHistory(session)),
  ]
  const answered = () => steps.reduce((sum, step) => sum + crowd.answered(step), 0)
  /** Waits until each step is answered five times more, and each sequence of versions was taken that is possible. */
  const proveStage = async (stage: string) => {
    const counts = steps.map(crowd.answered)
    const [from, all] = [performance.now(), answered()]
    const sequences = 2 * serving.length ** 3
    await eventually(
      () =>
        crowd.failures.length > 0 ||
        (taken.size === sequences && steps.every((step, at) => crowd.answered(step) >= (counts[at] ?? 0) + 5)),
      { timeoutMs: 120_000, what: `${stage}: every step; taken: ${[...taken].join(', ')}` },
    )
    t.same(crowd.failures, [], stage)
    const seconds = ((performance.now() - from) / 1_000).toFixed(1)
    t.comment(`${stage}: ${answered() - all} requests in ${seconds} s, ${taken.size} of ${sequences} sequences`)
  }
  const stop = async (version: Version) => {
    for (const name of serviceNames.toReversed()) t.equal(await system.stop(version, name), 0, `${name} (${version})`)
  }

  await proveStage('N−1 alone')

  // docs/upgrade.md: keys, tables and streams first, while the version before serves.
  await system.prepare('new')
  await proveStage('N−1 on the tables and streams of N')

  // Each version's gateway uses the other's password-service.
  await system.start('new', 'notifier')
  await system.start('new', 'password-service')
  system.lead('new', ['old'])
  await system.start('new', 'auth-gateway')
  await system.ready('new')
  system.lead('old', ['new'])
  serve(['new'])
  await delay(unusedMs)
  const connections = system.links.passwordService.old.accepted
  serve(['old', 'new'])
  await proveStage('both, each gateway with the password-service of the other version')
  t.ok(system.links.passwordService.old.accepted > connections, 'the gateway of N−1 connected to N')

  // In the order of an upgrade: every password-service first.
  for (const version of versions) system.lead(version, ['new'])
  await delay(unusedMs)
  serve(['new'])
  await delay(unusedMs)
  await stop('old')
  await proveStage('N alone')

  // Rollback: the version before again, on what N stored.
  const migrations = () => sql(system.databaseUrl, 'SELECT migration_name, checksum FROM _prisma_migrations ORDER BY 1')
  const applied = await migrations()
  await system.migrate('old')
  t.same(await migrations(), applied, 'npm run migrate of N−1 changes nothing')
  for (const name of serviceNames) await system.start('old', name)
  await system.ready('old')
  for (const version of versions) system.lead(version, ['old', 'new'])
  serve(['old', 'new'])
  await proveStage('rollback: both')
  for (const version of versions) system.lead(version, ['old'])
  serve(['old'])
  await delay(unusedMs)
  await stop('new')
  await proveStage('rollback: N−1 alone')

  crowd.stop()
  await Promise.all(work)
  const isPublished = async () =>
    (await sql(system.databaseUrl, 'SELECT FROM outbox WHERE published_at IS NULL LIMIT 1')).length === 0
  await eventually(isPublished, { what: 'the outbox to be published' })
  await mailbox.close()
  t.same(crowd.failures, [])
  const [row] = await sql<{ count: number }>(system.databaseUrl, 'SELECT count(*)::int AS count FROM password_change')
  t.equal(row?.count, crowd.answered('B2'), 'every acknowledged password is in the history once')
  for (const version of versions) t.match(await system.verifyHistory(version), /are valid/, `by the ${version} version`)
  t.equal(await letters(system.natsUrl), 0, 'no dead letter')
  t.comment(steps.map((step) => `${step}: ${crowd.answered(step)}`).join(', '))
}
