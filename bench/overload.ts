import { parseArgs } from 'node:util'
import { startProcesses } from '@rekey/testing/processes'
import { type Outcome, percentile } from '../faults/overload/offer.ts'
import { overload } from '../faults/overload/overload.ts'

// npm run bench:overload -- [--seconds N] [--times N]: ten times the sign-ins that can be hashed, for 30 s, and what
// becomes of them and of everything else, with the load on the same machine. It needs Linux.

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, times: { type: 'string', default: '10' } },
})

const row = (name: string, cells: (string | number)[]) =>
  console.log(name.padEnd(28), ...cells.map((cell) => String(cell).padStart(9)))

const print = (name: string, outcomes: Outcome[]) => {
  const longest = Math.max(0, ...outcomes.map(({ ms }) => ms))
  const ms = [percentile(outcomes, 0.5), percentile(outcomes, 0.99), longest].map(Math.round)
  row(name, [outcomes.length, ...ms])
}

const cleanups: (() => unknown)[] = []
const cleanUp = async () => {
  for (const clean of cleanups.reverse()) await clean()
}

try {
  const rekey = await startProcesses(
    { teardown: (clean) => cleanups.push(clean) },
    { gatewayEnv: { REKEY_LIMITS_SCALE: '1000000' } },
  )
  const seconds = Number(values.seconds)
  const result = await overload(rekey, { seconds, times: Number(values.times), restores: 30 })
  const { capacity, perSecond, logins, histories, asks, sets, firstServedMs, after, memoryMb } = result
  const served = logins.filter(({ status }) => status === 200)
  const refused = logins.filter(({ status }) => status === 503)
  const waits = new Set(refused.map(({ retryAfter }) => retryAfter))

  console.log(`${Math.round(capacity)} sign-ins a second can be served; ${perSecond} are offered for ${seconds} s.\n`)
  row('', ['requests', 'p50 ms', 'p99 ms', 'longest'])
  print('A4 served', served)
  print('A4 refused', refused)
  print(
    'A4 neither',
    logins.filter((outcome) => !served.includes(outcome) && !refused.includes(outcome)),
  )
  print('A1', asks)
  print('B3', histories)
  print(
    'B2, tries',
    sets.flatMap((set) => [set, ...set.refusals]),
  )
  const count = (outcomes: Outcome[], wanted: number) => outcomes.filter(({ status }) => status === wanted).length
  console.log(`
served a second            ${Math.round(served.length / seconds)}
Retry-After                ${[...waits].join(', ')}
A1 answered with 200       ${count(asks, 200)} of ${asks.length}
B3 answered with 200       ${count(histories, 200)} of ${histories.length}
B2 answered with 204       ${count(sets, 204)} of ${sets.length}, refused before ${sets.flatMap(({ refusals }) => refusals).length} times
first served after it      ${Math.round(firstServedMs)} ms
served a second after it   ${Math.round(after)}
most memory, MB            ${Object.entries(memoryMb)
    .map(([name, mb]) => `${name} ${mb}`)
    .join(', ')}`)
} finally {
  await cleanUp()
}
