import fc from 'fast-check'
import t from 'tap'
import { isPlausibleEpoch, sessionEpochAt } from './session-epoch.ts'

const time = fc.date({ min: new Date('2026-01-01'), max: new Date('2093-01-01'), noInvalidDate: true })

t.test('S47: an epoch that the clock gives is plausible up to five minutes ahead, and no other', async (t) => {
  fc.assert(
    fc.property(time, fc.integer({ min: -1_000_000, max: 1_000_000 }), (now, aheadSeconds) => {
      const epoch = sessionEpochAt(now) + aheadSeconds
      return isPlausibleEpoch(epoch, now) === aheadSeconds <= 300
    }),
  )
  t.notOk(isPlausibleEpoch(2_147_483_647, new Date('2090-01-01')), 'the largest integer')
})

t.test('epochs of the clock fit an integer of Postgres until 2093, and are higher than counted ones', async (t) => {
  t.ok(sessionEpochAt(new Date('2092-12-31')) < 2_147_483_647)
  t.ok(sessionEpochAt(new Date('2026-11-26')) > 50_000_000)
})
