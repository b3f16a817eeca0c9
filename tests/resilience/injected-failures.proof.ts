import t from 'tap'
import { assertNothingIsLost, shortRunTimeoutMs } from './short-run.ts'

t.setTimeout(shortRunTimeoutMs)

t.test(
  'S24 S25 S54 S55 S58 nothing is lost and no wrong login succeeds while every part and connection fails',
  async (t) => {
    t.same(await assertNothingIsLost(t, { brokers: 1 }), [], 'every target had a failure')
  },
)
