import { setTimeout as delay } from 'node:timers/promises'
import { restoreBody } from '@rekey/test-support/flows'
import { shuffle } from 'simple-statistics'
import t from 'tap'
import { unknownEmail } from './requests.ts'
import { startMeasured } from './timing/measured.ts'
import { sameTime } from './timing/same-time.ts'
import type { Samples } from './timing/welch.ts'

// Somebody who shares the cores sends a burst for another username, and times requests of their own beside it. Measured
// values: docs/timing.md.

t.setTimeout(900_000)

const { post, people } = await startMeasured(t)

const bursts = 50
/** As many as an account gets in an hour. */
const burst = 10
/** Own requests beside each burst, one at a time, until all of its work would have run without turns. */
const own = 30
const everyMs = 40

const restore = async (username: string) => (await post('/oauth/v2/passwordRestore', restoreBody(username), 200)).ms

const beside = async (username: string): Promise<number[]> => {
  for (let count = 0; count < burst; count += 1) await restore(username)
  const times: number[] = []
  for (let count = 0; count < own; count += 1) {
    times.push(await restore(unknownEmail()))
    await delay(everyMs)
  }
  return times
}

t.test('S12: own requests take the same time beside a burst for a known and for an unknown username', async (t) => {
  const early = await people(5)
  for (const username of [...early.known, ...early.unknown]) await beside(username)
  const groups = await people(bursts)
  const samples: Samples = { known: [], unknown: [] }
  const members = (['known', 'unknown'] as const).flatMap((group) =>
    groups[group].map((username) => ({ group, username })),
  )
  for (const { group, username } of shuffle(members)) samples[group].push(...(await beside(username)))
  sameTime(t, 'A1 beside a burst, known and unknown', samples)
})
