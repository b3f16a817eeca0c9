import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { exchangeLine } from './exchange-line.ts'
import { startTimeOf } from './process-identity.ts'
import { type RedisOptions, startRedis } from './redis.ts'

const start = async (t: Test, options: RedisOptions) => {
  const server = await startRedis(options)
  t.teardown(() => server.stop())
  return server
}

test('data survives a restart if there is a data folder', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'rekey-redis-test-'))
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }))
  const first = await start(t, { dataDir })
  t.equal(await exchangeLine(first.port, 'SET kept yes\r\n'), '+OK\r\n')
  await first.stop()

  const second = await start(t, { dataDir, port: first.port })
  t.equal(second.url, first.url)
  t.equal(await exchangeLine(second.port, 'GET kept\r\n'), '$3\r\nyes\r\n')
})

test('a full Redis refuses writes, and one without a data folder loses its data at a restart', async (t) => {
  const first = await start(t, {})
  t.match(await exchangeLine(first.port, 'CONFIG GET maxmemory-policy\r\n'), /noeviction/)
  await exchangeLine(first.port, 'SET kept no\r\n')
  await first.stop()
  t.equal(startTimeOf(first.pid), undefined)
  const second = await start(t, { port: first.port })
  t.equal(await exchangeLine(second.port, 'GET kept\r\n'), '$-1\r\n')
})

test('the error for a busy port names it', async (t) => {
  const { port } = await start(t, {})
  await t.rejects(startRedis({ port }), { message: new RegExp(`port ${port} to be free for Redis`) })
})

test('the error for a missing program names the server', async (t) => {
  await t.rejects(startRedis({ binary: '/nowhere/redis-server' }), { message: /^Redis / })
})
