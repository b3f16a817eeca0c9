import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { toKeys } from '@rekey/platform/keys'
import { createLogger } from '@rekey/platform/logger'
import { systemRandom } from '@rekey/platform/random'
import { connectRedis } from '@rekey/platform/redis'
import { createClock } from '@rekey/test-support/clock'
import { eventually } from '@rekey/test-support/eventually'
import { startInfrastructure } from '@rekey/test-support/infrastructure'
import fc from 'fast-check'
import t from 'tap'
import { createPageStates, firstTurn, newStateId, type Press, type StateReference } from './page-state.ts'

interface Counted {
  steps: string[]
}

const { redis: server } = await startInfrastructure(t, { redis: true })
const redis = connectRedis({ url: server.url, cluster: false, log: createLogger({ name: 'test', level: 'silent' }) })
t.teardown(() => redis.disconnect())
await eventually(() => redis.status === 'ready')
const clock = createClock()
const newKey = () => randomBytes(32).toString('base64url')
const key = newKey()
const statesWith = (keys = key, kind = 'test') =>
  createPageStates<Counted>(
    { redis, now: clock.now, random: systemRandom },
    { kind, lifeMs: 60_000, keys: toKeys(keys) },
  )
const states = statesWith()
const newReference = (): StateReference => ({
  id: newStateId(systemRandom),
  secret: randomBytes(32).toString('base64url'),
})
const press = (turn: string, action: string, input = ''): Press => ({ turn, action, input })
const step =
  (name: string, runs: string[] = []) =>
  async (state: Counted | undefined): Promise<Counted> => {
    runs.push(name)
    await delay(2)
    return { steps: [...(state?.steps ?? []), name] }
  }

t.test('of any presses that come at once, each distinct one runs once, one after the other', async (t) => {
  const presses = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 2, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(presses, async (inputs) => {
      const reference = newReference()
      const runs: string[] = []
      const results = await Promise.all(
        inputs.map((input) => states.once(reference, press(firstTurn, 'code', input), step(input, runs))),
      )
      const distinct = [...new Set(inputs)].toSorted()
      const { state, turn } = (await states.read(reference)) ?? { state: { steps: [] }, turn: '' }
      if (runs.toSorted().join() !== distinct.join()) throw new Error(`ran ${runs}`)
      if (state.steps.toSorted().join() !== distinct.join()) throw new Error(`stored ${state.steps}`)
      if (turn !== String(distinct.length)) throw new Error(`turn ${turn}`)
      for (const [index, result] of results.entries()) {
        if (!result?.state.steps.includes(inputs[index] ?? '')) throw new Error('a press does not see its step')
      }
    }),
    { numRuns: 15 },
  )
  t.pass()
})

t.test('a press after its step runs nothing, and gets the newest state', async (t) => {
  const reference = newReference()
  await states.once(reference, press(firstTurn, 'begin'), step('one'))
  await states.once(reference, press('1', 'resend'), step('two'))
  const late = await states.once(reference, press(firstTurn, 'begin'), async () => t.fail('ran again') as never)
  t.same(late?.state.steps, ['one', 'two'])
  const next = await states.once(reference, press('2', 'resend'), step('three'))
  t.same(next?.state.steps, ['one', 'two', 'three'], 'the same button of the next page is another press')
})

t.test('a step that has nothing to do stores nothing', async (t) => {
  const reference = newReference()
  await states.once(reference, press(firstTurn, 'begin'), step('one'))
  const before = await states.read(reference)
  const same = await states.once(reference, press('1', 'code'), async (state) => state ?? { steps: [] })
  t.same(same, before)
  t.same(await states.read(reference), before)
  t.same((await states.once(reference, press('1', 'code'), step('two')))?.state.steps, ['one', 'two'])
})

t.test('a step that fails leaves the state, and its press can be repeated', async (t) => {
  const reference = newReference()
  const fail = () => Promise.reject(new Error('away'))
  await t.rejects(states.once(reference, press(firstTurn, 'begin'), fail), { message: 'away' })
  t.equal(await redis.exists(...(await redis.keys('*:page:test')), 'none'), (await redis.keys('*:page:test')).length)
  t.equal(await states.read(reference), undefined)
  await states.once(reference, press(firstTurn, 'begin'), step('one'))
  await t.rejects(states.once(reference, press('1', 'code', '1'), fail), { message: 'away' })
  t.same((await states.once(reference, press('1', 'code', '1'), step('two')))?.state.steps, ['one', 'two'])
})

t.test('the claim of a process that died ends, and its late result is not stored', async (t) => {
  const reference = newReference()
  let finish = (_: Counted) => {}
  const slow = states.once(
    reference,
    press(firstTurn, 'begin'),
    () =>
      new Promise<Counted>((resolve) => {
        finish = resolve
      }),
  )
  await eventually(async () => (await redis.keys('*:page:test')).length > 0)
  await delay(20)
  clock.advance(16_000)
  const next = await states.once(reference, press(firstTurn, 'begin'), step('of another process'))
  finish({ steps: ['too late'] })
  await slow
  t.same(next?.state.steps, ['of another process'])
  t.same((await states.read(reference))?.state.steps, ['of another process'])
})

t.test('S10 S40 S52: a state is found with its secret, kind and key alone, and survives a new key', async (t) => {
  const reference = newReference()
  await states.once(reference, press(firstTurn, 'begin', 'unmistakable'), step('unmistakable'))
  const record = JSON.stringify(await Promise.all((await redis.keys('*:page:test')).map((one) => redis.hgetall(one))))
  t.notMatch(record, 'unmistakable')
  t.equal(await states.read({ ...reference, secret: newReference().secret }), undefined)
  t.equal(await states.read({ ...reference, id: newReference().id }), undefined)
  t.equal(await statesWith(key, 'other').read(reference), undefined)
  t.equal(await statesWith(newKey()).read(reference), undefined)
  const rotated = statesWith(`next:${newKey()},${key}`)
  t.same((await rotated.read(reference))?.state.steps, ['unmistakable'])
  const after = await rotated.once(reference, press('1', 'code'), step('next'))
  t.same(after?.state.steps, ['unmistakable', 'next'])
})
