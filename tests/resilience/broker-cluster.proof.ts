import t from 'tap'
import { assertNothingIsLost, shortRunTimeoutMs } from './short-run.ts'

t.setTimeout(shortRunTimeoutMs)

t.test(
  'S24 S25 nothing is lost and nobody let in while the broker that leads AUTH is killed, and all else fails',
  async (t) => {
    // A leader is away for so long that those of the other streams have their turns in longer runs alone.
    const untouched = await assertNothingIsLost(t, { brokers: 3 })
    t.same(untouched.toSorted(), ['NATS leader of NOTIFY', 'NATS leader of PASSWORD'], 'each other had a fault')
  },
)
