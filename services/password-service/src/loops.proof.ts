import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { scopes } from '@rekey/contracts'
import { eventually } from '@rekey/test-support/eventually'
import { startPasswordService } from '@rekey/test-support/password-service'
import pg from 'pg'
import t from 'tap'
import { fillOutbox } from './outbox/turnover.fixture.ts'

t.setTimeout(900_000)

const rows = 50_000

/** Inserts the rows that the sweeper deletes and the job reads. */
const fillOthers = async (client: pg.Client) => {
  const past = `now() - n * interval '1 second' - interval '1 day'`
  for (const [table, columns, row] of [
    ['spent_token', 'jti, expires_at', `gen_random_uuid(), ${past}`],
    ['revoked_session', 'sid, expires_at', `n::text, ${past}`],
    ['restore_failure', 'challenge_id, attempt, failed_at', `gen_random_uuid(), 1, ${past}`],
    ['customer', 'code', `'M' || n`],
    ['restore_request', 'challenge_id, customer_id, expires_at', `gen_random_uuid(), n, ${past}`],
    ['restore_send', 'challenge_id, send_number, customer_id, sent_at', `gen_random_uuid(), 1, n, ${past}`],
    ['former_password', 'customer_id, hash, replaced_at', `n, 'none', ${past}`],
    [
      'approval',
      'id, action, maker, maker_client_id, maker_ip, created_at, expires_at, hash',
      `gen_random_uuid(), 'set_password', 'a', 'a', '::1', ${past}, ${past}, 'none'`,
    ],
  ]) {
    await client.query(`INSERT INTO ${table} (${columns}) SELECT ${row} FROM generate_series(1, ${rows}) AS n`)
  }
  await client.query('ANALYZE')
}

interface Plan {
  statement: string
  nodes: string
}

/** Reads the plan of each statement that a connection with the loops' settings ran, from the server's log. */
const readPlans = (log: string): Plan[] => {
  const plans = new Map<string, Plan>()
  for (const entry of log.split(/^(?=\S)/m)) {
    const [, text = '', nodes = ''] = /plan:\n\tQuery Text: ([\s\S]*?)\n(\t\S[\s\S]*)$/.exec(entry) ?? []
    if (!/enable_seqscan = 'off'/.test(nodes)) continue
    const statement = text.replaceAll(/\s+/g, ' ').trim()
    plans.set(statement, { statement, nodes: nodes.replace(/\n\tSettings:[\s\S]*/, '') })
  }
  return [...plans.values()]
}

t.test('each statement of each loop reads by index, with 1,000,000 waiting events', async (t) => {
  const service = await startPasswordService(t, { privatePostgres: true })
  const client = new pg.Client({ connectionString: service.variables.DATABASE_URL })
  await client.connect()
  t.teardown(() => client.end())
  await service.app.close()
  t.comment(`correlation of ids and order on disk: ${await fillOutbox(client, 1_000_000)}`)
  await fillOthers(client)

  await client.query(`LOAD 'auto_explain'`)
  await client.query(`ALTER SYSTEM SET session_preload_libraries = 'auto_explain'`)
  const settings = {
    log_min_duration: '0',
    log_analyze: 'on',
    log_timing: 'off',
    log_buffers: 'on',
    log_settings: 'on',
  }
  for (const [name, value] of Object.entries(settings)) {
    await client.query(`ALTER SYSTEM SET auto_explain.${name} = '${value}'`)
  }
  await client.query('SELECT pg_reload_conf()')

  const { url } = await service.startAnother({ REKEY_PASSWORD_HISTORY: '0' })
  const staff = { authorization: service.bearer('backend_fin', scopes.backOffice, { client_id: 'backend_fin' }) }
  const started = await fetch(`${url}/api/v2/clients/reset-password`, { method: 'POST', headers: staff })
  t.equal(started.status, 202)
  const directory = await client.query<{ data_directory: string }>('SHOW data_directory')
  const path = join(dirname(directory.rows[0]?.data_directory ?? ''), 'server.log')
  const plansOf = (wanted: string[]) =>
    eventually(
      async () => {
        const found = readPlans(readFileSync(path, 'utf8'))
        const missing = wanted.filter((part) => !found.some(({ statement }) => statement.includes(part)))
        if (missing.length > 0) throw new Error(`not logged yet: ${missing.join('; ')}`)
        return found
      },
      { what: 'every statement of the loops', timeoutMs: 300_000 },
    )
  await plansOf([
    'pg_try_advisory_xact_lock',
    'LEFT JOIN LATERAL ( SELECT h.retry_at',
    'UPDATE outbox SET published_at',
    'due.id IS NOT NULL AS due',
    'AS held',
    ...['outbox', 'restore_request', 'restore_send', 'restore_failure', 'spent_token', 'revoked_session'].map(
      (table) => `DELETE FROM ${table}`,
    ),
    'DELETE FROM former_password',
    'UPDATE approval SET hash',
    'DELETE FROM approval',
  ])
  // The job starts when fewer than 500 events wait.
  // In the order of the relay, which updates rows too: otherwise each could wait for the other.
  await client.query(
    `WITH waiting AS (SELECT id FROM outbox WHERE published_at IS NULL ORDER BY id FOR UPDATE)
     UPDATE outbox SET published_at = now() FROM waiting WHERE outbox.id = waiting.id`,
  )
  const plans = await plansOf(['SELECT id FROM customer WHERE id >'])
  for (const { statement, nodes } of plans) {
    t.notMatch(nodes, /Seq Scan|Bitmap/, statement)
    t.comment(`${statement}\n${nodes}`)
  }
})
