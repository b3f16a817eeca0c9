import t from 'tap'
import { assertNothingIsLost, shortRunTimeoutMs } from './short-run.ts'

t.setTimeout(shortRunTimeoutMs)

t.test('S24 S25 nothing is lost and nobody let in while every part fails, and every connection', async (t) => {
  t.same(await assertNothingIsLost(t, { brokers: 1 }), [], 'each had a fault')
})
