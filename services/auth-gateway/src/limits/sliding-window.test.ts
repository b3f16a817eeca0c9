import { createLogger } from '@rekey/platform/logger'
import { connectRedis } from '@rekey/platform/redis'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import fc from 'fast-check'
import t from 'tap'
import { createLimitStore, type Limit } from './limits.store.ts'

// spend.lua reads as little of a quota as it can. It must decide as this model does, which keeps every request.

const { redis: server } = await startInfrastructure(t, { redis: true })
const redis = connectRedis({ url: server.url, cluster: false, log: createLogger({ name: 'test', level: 'silent' }) })
t.teardown(() => redis.disconnect())
await new Promise((resolve) => redis.once('ready', resolve))
const store = createLimitStore(redis)

const slices = 12
const sliceMs = 5_000
const windowMs = slices * sliceMs

/** The requests of a slice leave the window together, when the last of them does. */
const createModel = (allowance: number) => {
  const spentAt = new Map<number, number[]>()
  const leavesAt = (times: number[]) => Math.max(...times) + windowMs
  const inUse = (at: number) =>
    [...spentAt.values()]
      .filter((times) => times.length > 0 && leavesAt(times) > at)
      .toSorted((a, b) => leavesAt(a) - leavesAt(b))
  return {
    spend(at: number) {
      const used = inUse(at)
      let left = used.reduce((sum, times) => sum + times.length, 0)
      if (left < allowance) {
        const slice = Math.floor(at / sliceMs)
        spentAt.set(slice, [...(spentAt.get(slice) ?? []), at])
        return { result: 'ok' }
      }
      for (const times of used) {
        left -= times.length
        if (left < allowance) return { result: 'refused', waitMs: leavesAt(times) - at }
      }
      return { result: 'refused', waitMs: sliceMs }
    },
  }
}

let names = 0

t.test('any sequence of requests is served and refused as by a window that keeps each of them', async (t) => {
  const pauses = fc.oneof(fc.nat(20), fc.nat(2 * sliceMs), fc.constantFrom(windowMs, windowMs - 1, windowMs + sliceMs))
  const requests = fc.array(pauses, { minLength: 1, maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.nat(sliceMs), requests, async (allowance, offset, pauses) => {
      names += 1
      const limit: Limit = { name: `model ${names}`, allowance, windowMs, rule: 'refuse' }
      const model = createModel(allowance)
      let at = 1_790_000_000_000 + offset
      for (const pause of pauses) {
        at += pause
        const { result, ...refused } = await store.spend([limit], at)
        const expected = model.spend(at)
        t.same({ result, ...('waitMs' in refused && { waitMs: refused.waitMs }) }, expected, `${at}`)
      }
    }),
    { numRuns: 40 },
  )
})

t.test('a quota lives in Redis for as long as a request of it is in the window', async (t) => {
  for (const offset of [0, 1, sliceMs - 1]) {
    names += 1
    const limit: Limit = { name: `life ${names}`, allowance: 10, windowMs, rule: 'refuse' }
    const start = 1_790_000_000_000
    const firstAt = Date.now()
    await store.spend([limit], start + offset)
    // The last request of the slice does not prolong the life of the key, and needs none longer.
    await store.spend([limit], start + sliceMs - 1)
    const lifeMs = await redis.pttl(`rekey:{limits}:${limit.name}`)
    t.ok(lifeMs + Date.now() - firstAt >= windowMs + sliceMs - 1 - offset, `${lifeMs} ms`)
  }
})
