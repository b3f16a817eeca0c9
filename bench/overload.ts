import { parseArgs } from 'node:util'
import { createCustomer } from '@rekey/test-support/customers'
import { fullHashes } from '@rekey/test-support/limits'
import { startProcesses } from '@rekey/test-support/processes'
import { type Outcome, percentile } from '../tests/resilience/overload/offer.ts'
import { isRefused, isServed, overload } from '../tests/resilience/overload/overload.ts'

// npm run bench:overload -- [--seconds N] [--times N]: offers ten times as many sign-ins as can be hashed for 30 s, and
// measures them and other requests. Services, servers and load share this machine. Needs Linux.

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, times: { type: 'string', default: '10' } },
})
const seconds = Number(values.seconds)

const row = (name: string, cells: (string | number)[]) =>
  console.log(name.padEnd(24), ...cells.map((cell) => String(cell).padStart(9)))

const print = (name: string, outcomes: Outcome[]) => {
  const longest = Math.max(0, ...outcomes.map(({ ms }) => ms))
  const ms = [percentile(outcomes, 0.5), percentile(outcomes, 0.99), longest].map(Math.round)
  row(name, [outcomes.length, ...ms])
}
const share = (outcomes: Outcome[], status: number) =>
  `${outcomes.filter((outcome) => outcome.status === status).length} of ${outcomes.length}`

const cleanups: (() => unknown)[] = []
const cleanUp = async () => {
  for (const clean of cleanups.reverse()) await clean()
}

try {
  const rekey = await startProcesses(
    { teardown: (clean) => cleanups.push(clean) },
    { env: { ...fullHashes, REKEY_LIMITS_SCALE: '1000000' } },
  )
  const person = await createCustomer(rekey.postgres.url)
  const plan = { seconds, times: Number(values.times), othersPerSecond: 20, restores: 30, person }
  const { capacity, perSecond, logins, histories, asks, sets, ...then } = await overload(rekey, plan)
  const served = logins.filter(isServed)
  const refused = logins.filter(isRefused)
  const refusedSets = sets.flatMap(({ refusals }) => refusals)

  console.log(`${Math.round(capacity)} sign-ins a second can be served; ${perSecond} are offered for ${seconds} s.\n`)
  row('', ['requests', 'p50 ms', 'p99 ms', 'longest'])
  print('A4, served', served)
  print('A4, refused', refused)
  print('A1', asks)
  print('B3', histories)
  print('B2, each attempt', [...sets, ...refusedSets])
  console.log(`
A4 other status           ${logins.length - served.length - refused.length}
A4 served a second        ${Math.round(served.length / seconds)}
Retry-After               ${[...new Set(refused.map(({ retryAfter }) => retryAfter))].join(', ')}
A1 answered with 200      ${share(asks, 200)}
B3 answered with 200      ${share(histories, 200)}
B2 answered with 204      ${share(sets, 204)}, refused before ${refusedSets.length} times
first A4 served after     ${Math.round(then.firstServedMs)} ms
A4 served a second after  ${Math.round(then.capacityAfter)}
most memory, MB           ${Object.entries(then.memoryMb).flat().join(' ')}`)
} finally {
  await cleanUp()
}
