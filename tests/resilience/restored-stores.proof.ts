import { setTimeout as delay } from 'node:timers/promises'
import { nextStored } from '@rekey/platform/stored-events'
import { setUpStreams } from '@rekey/platform/stream-setup'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import { asBearer, backOfficeToken, signsIn } from '@rekey/test-support/flows'
import { type Rekey, startRekey } from '@rekey/test-support/rekey'
import { connect } from 'nats'
import t from 'tap'
import { type Store, storesOf } from './restored-stores/copies.ts'
import { type Load, startLoad } from './restored-stores/load.ts'

// Each store in turn comes back with a copy that is seconds older, while customers go on: docs/resilience.md, "Under load".

const customers = 8
const intervalMs = 12_000
const afterMs = 25_000

interface Fact {
  id: string
  subject: string
  type: string
  epoch: number | undefined
  changeId: number | undefined
}

const readPassword = async ({ nats }: Rekey): Promise<Fact[]> => {
  const connection = await connect({ servers: nats.url })
  try {
    const jsm = await connection.jetstreamManager()
    const facts: Fact[] = []
    for (let seq = 1; ; ) {
      const message = await nextStored(jsm, 'PASSWORD', seq)
      if (!message) return facts
      seq = message.seq + 1
      const { sessionEpoch, changeId } = message.json<{ sessionEpoch?: number; changeId?: number }>()
      const [id, subject] = [message.header.get('ce-id'), message.header.get('ce-subject')]
      facts.push({ id, subject, type: message.subject, epoch: sessionEpoch, changeId })
    }
  } finally {
    await connection.close()
  }
}

/** What docs/operations.md says to run. @returns how many customers were reset */
const runbook: Record<Store['name'], (rekey: Rekey, since: Fact[]) => Promise<number>> = {
  async Postgres(rekey, lost) {
    const largest = Math.max(0, ...lost.map(({ changeId }) => changeId ?? 0))
    await sql(
      rekey.postgres.url,
      `SELECT setval('password_change_id_seq', greatest($1, (SELECT last_value FROM password_change_id_seq)))`,
      [largest],
    )
    const staff = asBearer(await backOfficeToken(rekey))
    const codes = [...new Set(lost.map(({ subject }) => subject))]
    const rows = await sql<{ id: number }>(rekey.postgres.url, 'SELECT id FROM customer WHERE code = ANY ($1)', [codes])
    for (const { id } of rows) {
      const isReset = async () => {
        const { status, text } = await rekey.http.post(`/api/v2/clients/${id}/reset-password`, {}, staff)
        if (status >= 300) throw new Error(`${status} ${text}`)
        return true
      }
      await eventually(isReset, { what: 'a reset' })
    }
    return rows.length
  },
  async NATS({ nats }) {
    await setUpStreams({ NATS_URL: nats.url })
    return 0
  },
  Redis: async () => 0,
}

/** Messages that came more than once: mails have their event's id as Message-ID. */
const countRepeated = async ({ inbox }: Rekey) => {
  const messages = await inbox.messages()
  return messages.length - new Set(messages.map(({ MessageID, To }) => `${MessageID} ${To[0]?.Address}`)).size
}

const servedAgain = (load: Load, from: number) =>
  Object.fromEntries(
    (['restore', 'sign in', 'refresh', 'change'] as const).map((step) => {
      const first = load.outcomes.find((one) => one.step === step && one.ok && one.at >= from)
      return [step, first ? first.at - from : Number.NaN]
    }),
  )

/** Prints the figures of one store, one a line. */
const print = (figures: Record<string, unknown>) => {
  for (const [name, value] of Object.entries(figures)) console.error(`${name.padEnd(34)} ${value}`)
}

/** `REKEY_STORE=Redis`: this one alone. */
const wanted = (['Postgres', 'NATS', 'Redis'] as const).filter((name) => (process.env.REKEY_STORE ?? name) === name)

for (const name of wanted) {
  t.test(`S21 S50: ${name} restored from an older copy under load keeps every promise`, async (t) => {
    const rekey = await startRekey(t, { privatePostgres: true })
    const store = storesOf(rekey).find((one) => one.name === name)
    if (!store) throw new Error(`no ${name}`)
    const people = await Promise.all(Array.from({ length: customers }, () => createCustomer(rekey.postgres.url)))
    const load = startLoad(rekey, people)
    t.teardown(() => load.stop())
    await delay(intervalMs)
    await store.copy()
    const copiedAt = Date.now()
    const before = new Set((await readPassword(rekey)).map(({ id }) => id))
    await delay(intervalMs)
    const downAt = Date.now()
    const factsBefore = await readPassword(rekey)
    await store.restore()
    const upAt = Date.now()
    await eventually(rekey.isReady, { what: 'every service to be ready' })
    const readyMs = Date.now() - upAt
    const reset = await runbook[name](
      rekey,
      factsBefore.filter(({ id }) => !before.has(id)),
    )
    const runAt = Date.now()
    await delay(afterMs)
    await load.stop()
    await eventually(
      async () => (await sql(rekey.postgres.url, 'SELECT FROM outbox WHERE published_at IS NULL LIMIT 1')).length === 0,
      { what: 'the events to be published' },
    )

    const facts = await readPassword(rekey)
    const epochs = new Map<string, number[]>()
    for (const fact of new Map(facts.map((one) => [one.id, one])).values()) {
      if (fact.epoch !== undefined) epochs.set(fact.subject, [...(epochs.get(fact.subject) ?? []), fact.epoch])
    }
    for (const [subject, list] of epochs) t.equal(new Set(list).size, list.length, `epochs of ${subject} never repeat`)

    const interval = load.changes.filter(({ at }) => at >= copiedAt && at < downAt)
    const stored = await sql<{ id: number }>(rekey.postgres.url, 'SELECT id FROM password_change')
    const records = new Set(stored.map(({ id }) => id))
    const known = new Set(facts.map(({ id }) => id))
    const missingEvents = factsBefore.filter(({ id }) => !known.has(id)).length
    t.equal(missingEvents, 0, 'no event of PASSWORD is missing')
    const lostRecords = new Set(
      factsBefore.flatMap(({ changeId }) => (changeId !== undefined && !records.has(changeId) ? [changeId] : [])),
    ).size
    if (name !== 'Postgres') t.equal(lostRecords, 0, 'no record of the history is lost')

    const ended = load.sessions.filter(({ endedAt }) => endedAt !== undefined)
    const revived = []
    for (const session of ended) {
      const { status } = await rekey.http.post('/oauth/v2/token', {
        grant_type: 'refresh_token',
        refresh_token: session.refresh,
      })
      if (status === 200) revived.push(session)
    }
    t.equal(revived.length, 0, `of ${ended.length} ended sessions none refreshes`)

    const metric = await rekey.metrics['password-service'].getSingleMetric('rekey_outbox_lost_events_total')?.get()
    const again = metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
    const open = load.sessions.filter(({ at, endedAt }) => at >= copiedAt && at < downAt && endedAt === undefined)
    const late = load.outcomes.filter(({ at }) => at > runAt + 8_000)
    const refused = late.filter((one) => one.refused && one.step === 'restore')
    t.ok(
      late.some(({ ok }) => ok),
      'the load goes on',
    )
    t.equal(refused.length, 0, 'right codes of restores are accepted')

    let current = 0
    for (const person of people) {
      const last = load.changes.findLast((one) => one.person === person && one.at > runAt)
      if (last && !(await signsIn(rekey, person, last.password))) t.fail(`${person.code} cannot sign in`)
      current += last ? 1 : 0
    }
    print({
      store: name,
      'changes in the interval': interval.length,
      'records lost': lostRecords,
      'events lost': missingEvents,
      'events published again': again,
      'events twice': facts.length - known.size,
      'messages twice': await countRepeated(rekey),
      'ended sessions': ended.length,
      revived: revived.length,
      'open sessions of the interval': open.length,
      'customers reset': reset,
      'ready after ms': readyMs,
      ...Object.fromEntries(Object.entries(servedAgain(load, upAt)).map(([step, ms]) => [`${step} after ms`, ms])),
      'new passwords afterwards': load.changes.filter(({ at }) => at > runAt).length,
      'sign in afterwards': current,
      'restores refused afterwards': refused.length,
      'steps without an answer afterwards': late.filter((one) => !one.ok && !one.refused).length,
      'steps that failed in the outage': load.outcomes.filter(
        ({ at, ok }) => !ok && at >= downAt - 8_000 && at < runAt + 8_000,
      ).length,
    })
  })
}
