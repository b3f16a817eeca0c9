import t from 'tap'
import { assertNothingIsLost } from './short-run.fixture.ts'

t.test('S24 S25 nothing is lost and nobody let in while a leader of the broker cluster is killed', async (t) => {
  const { faults } = await assertNothingIsLost(t, { brokers: 3 })
  t.ok(faults.get('NATS leader of AUTH')?.get('kill'))
})
