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

// Each store alone, each two and all three come back with copies that are seconds older, while customers go on:
// docs/resilience.md, "Under load".

const customers = 8
const intervalMs = 12_000
const afterMs = 25_000

interface Fact {
  id: string
  subject: string
  type: string
  epoch: number | undefined
  at: string
  changeId: number | undefined
  digest: string | undefined
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
      const { sessionEpoch, changeId, digest } = message.json<{
        sessionEpoch?: number
        changeId?: number
        digest?: string
      }>()
      const [id, subject] = [message.header.get('ce-id'), message.header.get('ce-subject')]
      facts.push({
        id,
        subject,
        type: message.subject,
        epoch: sessionEpoch,
        at: message.header.get('ce-time'),
        changeId,
        digest,
      })
    }
  } finally {
    await connection.close()
  }
}

/** Resets each customer who set a password in the lost interval, as docs/operations.md says. @returns how many */
const resetLost = async (rekey: Rekey, lost: Fact[]): Promise<number> => {
  const largest = Math.max(0, ...lost.map(({ changeId }) => changeId ?? 0))
  await sql(
    rekey.postgres.url,
    `SELECT setval('password_change_id_seq', greatest($1, (SELECT last_value FROM password_change_id_seq)))`,
    [largest],
  )
  const staff = asBearer(await eventually(() => backOfficeToken(rekey), { what: 'a token of the back office' }))
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
}

/** What docs/operations.md says to run, in its order. @returns how many customers were reset */
const runRunbook = async (rekey: Rekey, names: readonly Store['name'][], lost: Fact[]): Promise<number> => {
  if (names.includes('NATS')) await setUpStreams({ NATS_URL: rekey.nats.url })
  return names.includes('Postgres') ? resetLost(rekey, lost) : 0
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

const cases: Store['name'][][] = [
  ['Postgres'],
  ['NATS'],
  ['Redis'],
  ['NATS', 'Postgres'],
  ['Redis', 'Postgres'],
  ['NATS', 'Redis'],
  ['NATS', 'Redis', 'Postgres'],
]
const nameOf = (names: readonly string[]) => names.toSorted().join(' + ')

/** The figures of each case, printed together as a table of docs/resilience.md. */
const results = new Map<string, Record<string, unknown>>()
const printTable = () => {
  const columns = [...results.keys()]
  const rows = Object.keys([...results.values()][0] ?? {})
  const line = (cells: unknown[]) => `| ${cells.join(' | ')} |`
  console.error(line(['', ...columns]))
  console.error(line(['', ...columns].map(() => '---')))
  for (const row of rows) console.error(line([row, ...columns.map((column) => results.get(column)?.[row])]))
}
t.teardown(printTable)

/** `REKEY_STORE=Redis` or `REKEY_STORE=NATS,Redis`: this case alone. */
const wanted = process.env.REKEY_STORE?.split(',')

for (const names of cases.filter((names) => wanted === undefined || nameOf(names) === nameOf(wanted))) {
  t.test(`S21 S50: ${nameOf(names)} restored from older copies under load keep every promise`, async (t) => {
    const rekey = await startRekey(t, { privatePostgres: true })
    const stores = names.map((name) => storesOf(rekey).find((one) => one.name === name) as Store)
    const isRestored = (name: Store['name']) => names.includes(name)
    const people = await Promise.all(Array.from({ length: customers }, () => createCustomer(rekey.postgres.url)))
    const load = startLoad(rekey, people)
    t.teardown(() => load.stop())
    await delay(intervalMs)
    const copiedAt = Date.now()
    const before = new Set((await readPassword(rekey)).map(({ id }) => id))
    // One after the other: copies of different stores are never of one moment.
    for (const store of stores) await store.copy()
    await delay(intervalMs)
    const downAt = Date.now()
    const factsBefore = await readPassword(rekey)
    await Promise.all(stores.map((store) => store.restore()))
    const upAt = Date.now()
    await eventually(rekey.isReady, { what: 'every service to be ready' })
    const readyMs = Date.now() - upAt
    const reset = await runRunbook(
      rekey,
      names,
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
    const ofEpoch = new Map<string, Fact[]>()
    for (const fact of new Map([...factsBefore, ...facts].map((one) => [one.id, one])).values()) {
      if (fact.epoch === undefined) continue
      const key = `${fact.subject} ${fact.epoch}`
      ofEpoch.set(key, [...(ofEpoch.get(key) ?? []), fact])
    }
    t.same(
      [...ofEpoch.values()].filter(({ length }) => length > 1),
      [],
      'no epoch of a customer is given twice',
    )

    const interval = load.changes.filter(({ at }) => at >= copiedAt && at < downAt)
    // Until the runbook has moved the sequence on, a restored database gives ids of lost records again.
    const stored = await sql<{ digest: string }>(rekey.postgres.url, 'SELECT digest FROM password_change')
    const records = new Set(stored.map(({ digest }) => digest))
    const known = new Set(facts.map(({ id }) => id))
    const isLost = ({ digest }: Fact) => digest !== undefined && !records.has(digest)
    const missing = factsBefore.filter(({ id }) => !known.has(id))
    // What is lost in Postgres and NATS never happened, for a later listener.
    const missingEvents = missing.filter((fact) => !isRestored('Postgres') || !isLost(fact)).length
    t.equal(missingEvents, 0, 'no event of PASSWORD is missing whose record exists')
    const lostRecords = new Set(factsBefore.filter(isLost).map(({ digest }) => digest)).size
    if (!isRestored('Postgres')) t.equal(lostRecords, 0, 'no record of the history is lost')

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
    results.set(nameOf(names), {
      'new passwords answered 204 in the interval': interval.length,
      'records of the history lost': lostRecords,
      'events of PASSWORD lost with their records': missing.length - missingEvents,
      'other events of PASSWORD lost': missingEvents,
      'events published again': again,
      'events twice on PASSWORD': facts.length - known.size,
      'messages twice': await countRepeated(rekey),
      'sessions that had ended / of which refreshed': `${ended.length} / ${revived.length}`,
      'customers reset by the runbook': reset,
      'ready after, s': (readyMs / 1_000).toFixed(1),
      'the first restore, sign-in, refresh, change after, s': Object.values(servedAgain(load, upAt))
        .map((ms) => (ms / 1_000).toFixed(1))
        .join(', '),
      'new passwords in the 25 s afterwards': load.changes.filter(({ at }) => at > runAt).length,
      'customers who sign in with their last one': `${current} / ${people.length}`,
      'restores refused from 8 s on': refused.length,
      'steps without an answer from 8 s on': late.filter((one) => !one.ok && !one.refused).length,
    })
  })
}
