import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createCustomer, sql, type TestCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { claimsOf, restore, restoreGrant, signIn, signsIn } from '@rekey/test-support/flows'
import { createHttp } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'

// Postgres alone is restored from an older copy: docs/resilience.md, "A store restored alone".

const rekey = await startRekey(t, { privatePostgres: true })
const { server } = rekey.postgres
if (!server) throw new Error('this test needs its own Postgres')
const postgresDir = join(rekey.dataDir, 'postgres')
const copyDir = join(rekey.dataDir, 'postgres-copy')
const isReady = () => eventually(rekey.isReady, { what: 'every service to be ready' })
const newPassword = 'birch anchor 52 tidal'

const setPassword = async (person: TestCustomer, password: string) => {
  const grant = await restoreGrant(rekey, person)
  await eventually(async () => (await restore(rekey, grant, password)).status === 204, { what: 'a new password' })
}
const epochOf = async ({ id }: TestCustomer) =>
  (
    await sql<{ epoch: number }>(rekey.postgres.url, 'SELECT session_epoch AS epoch FROM customer WHERE id = $1', [id])
  )[0]?.epoch ?? Number.NaN
const eventsSent = async () =>
  (await sql<{ n: number }>(rekey.postgres.url, 'SELECT count(*)::int AS n FROM outbox WHERE published_at IS NULL'))[0]
    ?.n === 0
const isActive = async (token: string) => {
  const { status } = await createHttp(rekey.passwordServiceUrl).get('/api/v2/my/password/changes', {
    authorization: `Bearer ${token}`,
  })
  return status === 200
}

// Keeps the owner: Postgres may run as another user.
const copy = (from: string, to: string) => execFileSync('cp', ['-a', from, to])

const copyPostgres = async () => {
  await server.stop()
  copy(postgresDir, copyDir)
  await server.restart()
  await isReady()
}
const restorePostgres = async () => {
  await server.stop()
  rmSync(postgresDir, { recursive: true, force: true })
  copy(copyDir, postgresDir)
  await server.restart()
  await isReady()
}

t.test('S21: a Postgres that is restored from an older copy gives no epoch again and keeps nobody out', async (t) => {
  const people = await Promise.all([1, 2, 3].map(() => createCustomer(rekey.postgres.url)))
  const [first] = people
  if (!first) throw new Error('no customer')
  const oldest = await signIn(rekey, first)
  await copyPostgres()

  // The lost interval: everyone sets a password, and signs in with it.
  await Promise.all(people.map((person) => setPassword(person, newPassword)))
  await eventually(eventsSent, { what: 'the events to be published' })
  const lost = await signIn(rekey, { ...first, password: newPassword })
  const lostEpoch = Number(claimsOf(lost).session_epoch)
  t.equal(await epochOf(first), lostEpoch)
  await restorePostgres()

  t.equal(await epochOf(first), 0, 'the copy is older')
  t.notOk(await signsIn(rekey, first, newPassword), 'passwords of the interval are lost')
  for (const person of people) {
    const token = await signIn(rekey, person)
    t.ok(await isActive(token), 'a right code is accepted, although the gateway has a later epoch')
  }
  t.notOk(await isActive(oldest), 'the sessions that the lost change ended stay ended')

  // More than clocks differ passes before a copy is restored.
  rekey.clock.advance(10_000)
  await setPassword(first, newPassword)
  t.ok((await epochOf(first)) > lostEpoch)
  t.notOk(await isActive(lost), 'a session of the lost interval does not survive the next restore')
})
