import t from 'tap'
import { backoff, retry } from './retry.ts'

t.test('work is repeated until it succeeds, and each failure is passed on', async (t) => {
  const failures: unknown[] = []
  let attempts = 0
  const result = await retry(
    async () => {
      attempts += 1
      if (attempts < 3) throw attempts
      return 'done'
    },
    { pausesMs: [1], signal: new AbortController().signal, onFailure: (error) => failures.push(error) },
  )
  t.equal(result, 'done')
  t.same(failures, [1, 2])
})

t.test('aborting ends the pause and the attempts', async (t) => {
  const stopped = new AbortController()
  let attempts = 0
  const result = await retry(
    async () => {
      attempts += 1
      throw new Error('not now')
    },
    { pausesMs: [3_600_000], signal: stopped.signal, onFailure: () => setImmediate(() => stopped.abort()) },
  )
  t.equal(result, undefined)
  t.equal(attempts, 1)
})

t.test('the last pause is repeated', async (t) => {
  t.same(
    [1, 2, 3, 4].map((failures) => backoff([10, 20, 30], failures)),
    [10, 20, 30, 30],
  )
})
