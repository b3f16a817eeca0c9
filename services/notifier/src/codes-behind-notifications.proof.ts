import { randomBytes } from 'node:crypto'
import { NotifyResetRequested } from '@rekey/contracts'
import { systemRandom } from '@rekey/platform/random'
import { eventually } from '@rekey/test-support/eventually'
import { headers } from 'nats'
import t from 'tap'
import { startNotifier, startServers } from './app.fixture.ts'
import { startSmtpListener } from './channels/smtp.fixture.ts'

// Codes are not delayed by notifications: 1,000,000 notifications wait in the broker, and the mail server takes 500 ms for
// each mail. The time of a code is from its publication until the server has accepted it, the 500 ms included.

const waiting = 1_000_000
const takesMs = 500
/** As many as are sent while the proof runs, and more: the others are never read. */
const sealed = 4_000
const codes = 400
const limitMs = 1_000

const percentile = (sorted: number[], share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN

t.test(`the p99 of a code is under a second while ${waiting} notifications wait at 500 ms a mail`, async (t) => {
  const acceptedMs = new Map<string, number>()
  const smtp = await startSmtpListener(t, {
    takesMs,
    behaviours: (raw) => {
      const id = /^Message-ID: <(.+)@rekey.test>\r?$/im.exec(raw)?.[1]
      if (id) acceptedMs.set(id, performance.now() + takesMs)
      return 'accept'
    },
  })
  const servers = await startServers(t, { SMTP_URL: smtp.url, LOG_LEVEL: 'warn' })
  // Creates the streams.
  const first = await startNotifier(t, servers)
  await servers.publishCode()
  await servers.waitForEmptyQueue()
  await first.app.close()

  await servers.publishNotifications(sealed)
  const jetstream = (await servers.broker.connected()).jetstream()
  const filler = randomBytes(1_000).toString('base64url')
  const publishMs = performance.now()
  for (let index = sealed; index < waiting; index += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, () => {
        const meta = headers()
        meta.set('ce-id', systemRandom.id())
        const data = { recipient: filler, reportLink: filler, requestedAt: new Date().toISOString() }
        return jetstream.publish(NotifyResetRequested.type, JSON.stringify(data), { headers: meta })
      }),
    )
  }
  t.comment(`${waiting} notifications published in ${Math.round((performance.now() - publishMs) / 1_000)} s`)

  await startNotifier(t, servers)
  const before = acceptedMs.size
  await eventually(() => acceptedMs.size > before + 16, { what: 'notifications to be under way' })
  const published: { id: string; atMs: number }[] = []
  for (let count = 0; count < codes; count += 1) {
    const atMs = performance.now()
    published.push({ id: (await servers.publishCode()).id, atMs })
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 100 - (performance.now() - atMs))))
  }
  await eventually(() => published.every(({ id }) => acceptedMs.has(id)), { what: 'every code' })
  const times = published.map(({ id, atMs }) => (acceptedMs.get(id) ?? 0) - atMs).toSorted((one, other) => one - other)
  const p99 = Math.round(percentile(times, 0.99))
  const notifications = acceptedMs.size - before - codes
  t.comment(
    `codes: p50 ${Math.round(percentile(times, 0.5))} ms, p99 ${p99} ms, longest ${Math.round(times.at(-1) ?? 0)} ms`,
  )
  t.comment(`${notifications} notifications were sent meanwhile`)
  t.ok(p99 <= limitMs, `p99 ${p99} ms`)
})
