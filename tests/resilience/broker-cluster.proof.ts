import t from 'tap'
import { assertNothingIsLost, shortRunTimeoutMs } from './short-run.ts'

t.setTimeout(shortRunTimeoutMs)

t.test(
  'S24 S25 S54 S55 S58 nothing is lost and no wrong login succeeds while the leader of AUTH is killed and every other part fails',
  async (t) => {
    // A leader is unavailable for so long that leaders of the other streams fail only in longer runs.
    const untouched = await assertNothingIsLost(t, { brokers: 3 })
    t.same(
      untouched.toSorted(),
      ['NATS leader of NOTIFY', 'NATS leader of PASSWORD'],
      'every other target had a failure',
    )
  },
)
