import { createLogger } from '@rekey/platform/logger'
import { connectRedis } from '@rekey/platform/redis'
import { race } from '@rekey/test-support/flows'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import t from 'tap'
import { createLimitStore, type Limit, type Rule } from './limits.store.ts'

const { redis: server } = await startInfrastructure(t, { redis: true })
const redis = connectRedis({ url: server.url, cluster: false, log: createLogger({ name: 'test', level: 'silent' }) })
t.teardown(() => redis.disconnect())
await new Promise((resolve) => redis.once('ready', resolve))
const store = createLimitStore(redis)

const minuteMs = 60_000
const sliceMs = minuteMs / 12
let names = 0

/** A limit with a new name. */
const limit = (allowance: number, rule: Rule = 'refuse'): Limit => {
  names += 1
  return { name: String(names), allowance, windowMs: minuteMs, rule }
}

/** The beginning of a slice. */
const start = 1_000 * minuteMs

t.test('parallel requests never spend more than the quota', async (t) => {
  const ten = limit(10)
  const results = await race(100, () => store.spend([ten], start))
  t.equal(results.filter(({ result }) => result === 'ok').length, 10)
})

t.test('no sliding window contains more than the quota', async (t) => {
  const five = limit(5)
  const granted: number[] = []
  for (let at = start; at < start + 5 * minuteMs; at += 700) {
    if ((await store.spend([five], at)).result === 'ok') granted.push(at)
  }
  for (const from of granted) {
    t.ok(granted.filter((at) => at >= from && at < from + minuteMs).length <= 5, `from ${from - start} ms on`)
  }
  t.ok(granted.length >= 5 * 4, 'requests that left the window free the quota again')
})

t.test('the wait of a refusal is exact', async (t) => {
  const three = limit(3)
  for (const ms of [0, 20_000, 40_000]) await store.spend([three], start + ms)
  const at = start + 45_000
  const refused = await store.spend([three], at)
  if (refused.result !== 'refused') return t.fail(refused.result)
  t.ok(refused.waitMs <= minuteMs + sliceMs - 45_000, 'the first request has left the window by then')
  t.equal((await store.spend([three], at + refused.waitMs - 1)).result, 'refused')
  t.equal((await store.spend([three], at + refused.waitMs)).result, 'ok')
})

t.test('no wait is longer than the window, and after it a request is served', async (t) => {
  for (let offset = 0; offset < sliceMs; offset += 617) {
    const two = limit(2)
    for (const ms of [0, 1_234]) await store.spend([two], start + offset + ms)
    for (const ms of [1_234, 20_000, 59_999]) {
      const at = start + offset + ms
      const refused = await store.spend([two], at)
      if (refused.result !== 'refused') return t.fail(`${refused.result} at ${ms}`)
      t.ok(refused.waitMs <= minuteMs, `${refused.waitMs} ms`)
      if (ms === 59_999) t.equal((await store.spend([two], at + refused.waitMs)).result, 'ok')
    }
  }
})

t.test('a quota that an older version has spent counts until its slice has left the window', async (t) => {
  const one = limit(1)
  await redis.hset(`rekey:{limits}:${one.name}`, String(start / sliceMs), 1)
  t.equal((await store.spend([one], start + minuteMs)).result, 'refused')
  t.equal((await store.spend([one], start + minuteMs + sliceMs)).result, 'ok')
})

t.test('if one quota refuses, none is spent', async (t) => {
  const [wide, narrow, last] = [limit(3), limit(1), limit(2)]
  await store.spend([narrow], start)
  for (let count = 0; count < 5; count += 1) {
    const refused = await store.spend([wide, narrow, last], start)
    t.match(refused, { result: 'refused', limit: narrow, spent: [] })
  }
  for (const [untouched, allowance] of [
    [wide, 3],
    [last, 2],
  ] as const) {
    const results = await race(5, () => store.spend([untouched], start))
    t.equal(results.filter(({ result }) => result === 'ok').length, allowance)
  }
})

t.test('if several quotas refuse, the longest wait is returned', async (t) => {
  const [late, early] = [limit(1), limit(1)]
  await store.spend([early], start)
  await store.spend([late], start + 30_000)
  t.match(await store.spend([early, late], start + 31_000), { result: 'refused', limit: late })
})

t.test('the exhaustion of a quota is reported once for as long as it lasts', async (t) => {
  const one = limit(1)
  await store.spend([one], start)
  const results = await race(10, () => store.spend([one], start + 1))
  t.equal(results.filter((spending) => spending.result === 'refused' && spending.isFirstReport).length, 1)
  const later = start + 3 * minuteMs
  await store.spend([one], later)
  t.match(await store.spend([one], later), { isFirstReport: true })
})

t.test('a suppressing quota lets the other quotas be spent', async (t) => {
  const [address, account] = [limit(4), limit(1, 'suppress')]
  const results = []
  for (let count = 0; count < 5; count += 1) results.push((await store.spend([address, account], start)).result)
  t.same(results, ['ok', 'suppressed', 'suppressed', 'suppressed', 'refused'])
})

t.test(
  'S11: distinct accounts are counted once each, and all accounts are refused alike once there are too many',
  async (t) => {
    const accounts = Array.from({ length: 4 }, () => limit(10, 'suppress'))
    const all = limit(3, 'distinct_accounts')
    const spend = async (account: number) => (await store.spend([accounts[account] as Limit, all], start)).result
    t.same(
      [await spend(0), await spend(0), await spend(0), await spend(1), await spend(2)],
      ['ok', 'ok', 'ok', 'ok', 'ok'],
    )
    t.equal(await spend(3), 'refused', 'the fourth account')
    t.equal(await spend(1), 'refused', 'an account that was counted before')
  },
)

t.test('a refund frees what was spent, and no more', async (t) => {
  const two = limit(2)
  await store.spend([two], start)
  await store.refund([two], start)
  await store.refund([two], start)
  const results = await race(5, () => store.spend([two], start))
  t.equal(results.filter(({ result }) => result === 'ok').length, 2)
})

t.test('every quota has a TTL in Redis', async (t) => {
  for (const key of await redis.keys('*')) t.ok((await redis.pttl(key)) > 0, key)
})
