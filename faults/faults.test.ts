import t from 'tap'
import { assertNothingIsLost } from './short-run.fixture.ts'

t.test('S24 S25 nothing is lost and nobody let in while every part fails, and every connection', async (t) => {
  const { faults } = await assertNothingIsLost(t, { brokers: 1 })
  t.ok(faults.size > 5)
})
