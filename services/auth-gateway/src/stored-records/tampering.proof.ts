import t from 'tap'
import { startTampering } from './changed-fields.fixture.ts'

// The long form of the same test in tampering.slow.test.ts, which gives each field a quarter of the values.

const { changeFields } = await startTampering(t)

t.test('S40: a record of which any field was deleted, added or given any value gives no other token', async (t) => {
  const results = await changeFields(t, (values) => values)
  t.ok(results.refused > 300, `${results.refused} refused`)
  t.ok(results.granted > 30, `${results.granted} granted: counters and times that no token is made from`)
})
