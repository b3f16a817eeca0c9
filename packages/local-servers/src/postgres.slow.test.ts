import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { type Test, test } from 'tap'
import { createDatabase, dropDatabase, ensureDatabase } from './database.ts'
import { type PostgresOptions, startPostgres } from './postgres.ts'
import { startTimeOf } from './process-identity.ts'

const start = async (t: Test, options: PostgresOptions) => {
  const server = await startPostgres(options)
  t.teardown(() => server.stop())
  return server
}

const scratch = (t: Test) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-postgres-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  return dataDir
}

const query = async (url: string, sql: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('committed rows survive SIGKILL and a restart on the same folder and port', async (t) => {
  const dataDir = scratch(t)
  const first = await start(t, { dataDir, durable: false })
  await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  const bystander = new pg.Client({ connectionString: first.url })
  bystander.on('error', () => {})
  await bystander.connect()
  process.kill(first.pid, 'SIGKILL')
  await first.exited

  const second = await start(t, { dataDir, port: first.port, durable: false })
  t.equal(second.url, first.url)
  t.same(await query(second.url, 'SELECT answer FROM kept'), [{ answer: 42 }])
})

test('the next start ends a server of a killed run', async (t) => {
  const dataDir = scratch(t)
  const orphan = await start(t, { dataDir, durable: false })
  const next = await start(t, { dataDir, durable: false })
  t.equal(startTimeOf(orphan.pid), undefined)
  t.same(await query(next.url, 'SELECT 1 AS one'), [{ one: 1 }])
})

test('it requires the password, which only its owner can read', async (t) => {
  const dataDir = scratch(t)
  const { url } = await start(t, { dataDir, durable: false })
  const wrong = new URL(url)
  wrong.password = 'guess'
  await t.rejects(query(wrong.href, 'SELECT 1'), { code: '28P01' })
  t.equal(statSync(join(dataDir, 'password')).mode & 0o777, 0o600)
  t.equal(statSync(join(dataDir, 'cluster')).mode & 0o777, 0o700)
  t.same(await query(url, 'SHOW listen_addresses'), [{ listen_addresses: '127.0.0.1' }])
})

test('stop leaves no process and is idempotent', async (t) => {
  const server = await start(t, { dataDir: scratch(t), durable: false })
  await server.stop()
  await server.stop()
  t.equal(startTimeOf(server.pid), undefined)
})

test('an aborted start leaves no process', async (t) => {
  const controller = new AbortController()
  const starting = startPostgres({ dataDir: scratch(t), durable: false, signal: controller.signal })
  controller.abort(new Error('called off'))
  await t.rejects(starting, { message: 'called off' })
})

test('databases are created empty or from a template, and dropped with their connections', async (t) => {
  const { url } = await start(t, { dataDir: scratch(t), durable: false })
  const template = await createDatabase(url, 'model')
  await query(template, 'CREATE TABLE thing ()')
  const copy = await createDatabase(url, 'copy', { template: 'model' })
  t.same(await query(copy, 'SELECT * FROM thing'), [])
  t.equal(await ensureDatabase(url, 'copy'), copy)

  const bystander = new pg.Client({ connectionString: copy })
  bystander.on('error', () => {})
  await bystander.connect()
  await dropDatabase(url, 'copy')
  await t.rejects(query(copy, 'SELECT 1'), { code: '3D000' })
})
