import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import t from 'tap'
import { createLogger } from './logger.ts'
import { connectRedis, loadScriptPair } from './redis.ts'

const { redis: server } = await startInfrastructure(t, { redis: true })
const redis = connectRedis({ url: server.url, cluster: false, log: createLogger({ name: 'test', level: 'silent' }) })
t.teardown(() => redis.disconnect())
await eventually(() => redis.ping(), { what: 'Redis' })

const folder = mkdtempSync(join(tmpdir(), 'rekey-scripts-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const fileOf = (name: string, lua: string) => {
  writeFileSync(join(folder, name), lua)
  return pathToFileURL(join(folder, name))
}
// Each counts its calls in its own key, and returns what it was given.
const lua = "redis.call('INCR', KEYS[1]) return { ARGV[1], #KEYS, #ARGV, KEYS[#KEYS], ARGV[#ARGV] }"
const files = { first: fileOf('first.lua', lua), second: fileOf('second.lua', `-- the second\n${lua}`) }
const pair = loadScriptPair(redis, files, 'stop')
const callsOf = async () => Number(/cmdstat_evalsha:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0)

t.test('two scripts run as one step, each with its own keys and arguments', async (t) => {
  await pair({ keys: ['warm'], args: ['up'] }, { keys: ['warm'], args: ['up'] })
  const before = await callsOf()
  const answer = await pair({ keys: ['a', 'b'], args: ['go', 1, 2] }, { keys: ['c'], args: ['x', 'y'] })
  t.same(answer.first, ['go', 2, 3, 'b', '2'])
  t.same(await answer.second(), ['x', 1, 2, 'c', 'y'])
  t.equal((await callsOf()) - before, 1)
})

t.test('the second script does not run if the first stops the pair', async (t) => {
  const answer = await pair({ keys: ['first'], args: ['stop'] }, { keys: ['second'], args: ['x'] })
  t.same(answer.first, ['stop', 1, 1, 'first', 'stop'])
  t.equal(await answer.second(), undefined)
  t.same([await redis.get('first'), await redis.get('second')], ['1', null])
})
