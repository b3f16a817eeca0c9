import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { RekeyError } from '@rekey/contracts'
import fc from 'fast-check'
import t from 'tap'
import { together } from './together.ts'

t.test('every call gets its own answer, however many come in a turn and whichever of them fail', (t) =>
  fc
    .assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.record({ value: fc.integer(), isWrong: fc.boolean() }), { maxLength: 250 }), {
          maxLength: 4,
        }),
        async (turns) => {
          const doubled = together(async (calls: readonly { value: number; isWrong: boolean }[]) => {
            await nextTurn()
            if (calls.some(({ isWrong }) => isWrong)) throw new Error('a value is wrong')
            return calls.map(({ value }) => value * 2)
          })
          const answered: Promise<PromiseSettledResult<number>[]>[] = []
          for (const calls of turns) {
            answered.push(Promise.allSettled(calls.map(doubled)))
            await nextTurn()
          }
          const outcomes = (await Promise.all(answered)).flat()
          for (const [index, { value, isWrong }] of turns.flat().entries()) {
            const outcome = outcomes[index]
            if (outcome?.status !== (isWrong ? 'rejected' : 'fulfilled')) return false
            if (outcome.status === 'fulfilled' && outcome.value !== value * 2) return false
          }
          return true
        },
      ),
      { numRuns: 50 },
    )
    .then(() => t.end()),
)

t.test('calls of one turn, and those that come while a statement is under way, share a statement', async (t) => {
  const sizes: number[] = []
  const { promise: first, resolve: endFirst } = Promise.withResolvers<void>()
  const count = together(async (calls: readonly number[]) => {
    sizes.push(calls.length)
    if (sizes.length === 1) await first
    return calls
  })
  const earlier = [count(1), count(2)]
  while (sizes.length === 0) await nextTurn()
  const later = [count(3), count(4), count(5)]
  endFirst()
  t.same(await Promise.all([...earlier, ...later]), [1, 2, 3, 4, 5])
  t.equal(sizes[0], 2)
})

t.test('a statement runs in the context of the first of its calls', async (t) => {
  const request = new AsyncLocalStorage<number>()
  const runs: [context: number | undefined, first: number | undefined][] = []
  const note = together(async (calls: readonly number[]) => {
    runs.push([request.getStore(), calls[0]])
    await nextTurn()
    return calls
  })
  const answers: Promise<number>[] = []
  for (let id = 0; id < 10; id += 1) {
    answers.push(request.run(id, () => note(id)))
    if (id % 3 === 0) await nextTurn()
  }
  t.same(await Promise.all(answers), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  t.ok(runs.length > 1)
  for (const [context, first] of runs) t.equal(context, first)
})

t.test('a statement that hangs holds up no later calls', async (t) => {
  const { promise: hanging, resolve: end } = Promise.withResolvers<void>()
  const echo = together(async (calls: readonly string[]) => {
    if (calls.includes('hangs')) await hanging
    return calls
  })
  const hangs = echo('hangs')
  await nextTurn()
  t.equal(await echo('later'), 'later')
  t.equal(await echo('latest'), 'latest')
  end()
  t.equal(await hangs, 'hangs')
})

t.test('calls that Postgres is unavailable for are not repeated', async (t) => {
  let runs = 0
  const call = together(async (_calls: readonly number[]): Promise<number[]> => {
    runs += 1
    throw new RekeyError('unavailable')
  })
  const outcomes = await Promise.allSettled([call(1), call(2), call(3)])
  t.match(
    outcomes,
    Array.from({ length: 3 }, () => ({ status: 'rejected', reason: { code: 'unavailable' } })),
  )
  t.equal(runs, 1)
})
