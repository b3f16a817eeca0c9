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

/** Of a name of its own. */
const limit = (allowance: number, rule: Rule = 'refuse'): Limit => {
  names += 1
  return { name: String(names), allowance, windowMs: minuteMs, rule }
}

/** At the beginning of a slice. */
const start = 1_000 * minuteMs

t.test('an allowance is spent once each, however many race for it', async (t) => {
  const ten = limit(10)
  const results = await race(100, () => store.spend([ten], start))
  t.equal(results.filter(({ result }) => result === 'ok').length, 10)
})

t.test('no window of its length ever holds more than is allowed', async (t) => {
  const five = limit(5)
  const granted: number[] = []
  for (let at = start; at < start + 5 * minuteMs; at += 700) {
    if ((await store.spend([five], at)).result === 'ok') granted.push(at)
  }
  for (const from of granted) {
    t.ok(granted.filter((at) => at >= from && at < from + minuteMs).length <= 5, `from ${from - start} ms on`)
  }
  t.ok(granted.length >= 5 * 4, 'and what has left it is given again')
})

t.test('how long to wait is told rightly', async (t) => {
  const three = limit(3)
  for (const ms of [0, 20_000, 40_000]) await store.spend([three], start + ms)
  const at = start + 45_000
  const refused = await store.spend([three], at)
  if (refused.result !== 'refused') return t.fail(refused.result)
  t.ok(refused.waitMs <= minuteMs + sliceMs - 45_000, 'the first has left its window by then')
  t.equal((await store.spend([three], at + refused.waitMs - 1)).result, 'refused')
  t.equal((await store.spend([three], at + refused.waitMs)).result, 'ok')
})

t.test('when one refuses none is spent', async (t) => {
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

t.test('of several that refuse the longest wait is told', async (t) => {
  const [late, early] = [limit(1), limit(1)]
  await store.spend([early], start)
  await store.spend([late], start + 30_000)
  t.match(await store.spend([early, late], start + 31_000), { result: 'refused', limit: late })
})

t.test('that an allowance is used up is news once for as long as it stays so', async (t) => {
  const one = limit(1)
  await store.spend([one], start)
  const told = await race(10, () => store.spend([one], start + 1))
  t.equal(told.filter((spending) => spending.result === 'refused' && spending.isFirstReport).length, 1)
  const later = start + 3 * minuteMs
  await store.spend([one], later)
  t.match(await store.spend([one], later), { isFirstReport: true })
})

t.test('what withholds lets the others be spent', async (t) => {
  const [address, account] = [limit(4), limit(1, 'suppress')]
  const results = []
  for (let count = 0; count < 5; count += 1) results.push((await store.spend([address, account], start)).result)
  t.same(results, ['ok', 'suppressed', 'suppressed', 'suppressed', 'refused'])
})

t.test('S11 newcomers are counted once an account; too many of them, and all accounts are refused alike', async (t) => {
  const accounts = Array.from({ length: 4 }, () => limit(10, 'suppress'))
  const all = limit(3, 'distinct_accounts')
  const ask = async (account: number) => (await store.spend([accounts[account] as Limit, all], start)).result
  t.same([await ask(0), await ask(0), await ask(0), await ask(1), await ask(2)], ['ok', 'ok', 'ok', 'ok', 'ok'])
  t.equal(await ask(3), 'refused', 'the fourth account')
  t.equal(await ask(1), 'refused', 'one that came before')
})

t.test('what is given back can be spent again, and never more', async (t) => {
  const two = limit(2)
  await store.spend([two], start)
  await store.refund([two], start)
  await store.refund([two], start)
  const results = await race(5, () => store.spend([two], start))
  t.equal(results.filter(({ result }) => result === 'ok').length, 2)
})

t.test('every limit expires from Redis by itself', async (t) => {
  for (const key of await redis.keys('*')) t.ok((await redis.pttl(key)) > 0, key)
})
