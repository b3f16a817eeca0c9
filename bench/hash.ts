import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runHashFloor } from './groups/hashes.ts'

// npm run bench -- hash [--wanted-ms N]: recommends argon2 parameters for a sign-in whose hash takes so many milliseconds.

/** The least that production allows (OWASP Password Storage Cheat Sheet), then more memory, which RFC 9106 §4 puts first. */
const memoriesKib = [19_456, 32_768, 47_104, 65_536, 98_304, 131_072, 262_144]
const passes = [2, 3, 4]
const secondsEach = 1

const { values } = parseArgs({ options: { 'wanted-ms': { type: 'string', default: '100' } } })
const wantedMs = Number(values['wanted-ms'])
if (!(wantedMs > 0)) throw new Error(`--wanted-ms takes a number above 0, not ${values['wanted-ms']}`)

/** The default of REKEY_HASH_CONCURRENCY. */
const concurrency = Math.min(3, Math.max(1, availableParallelism() - 1))
interface Cost {
  memoryKib: number
  passes: number
  ms: number
}

const measure = async (memoryKib: number, passes: number): Promise<Cost> => {
  const args = ['--memory', String(memoryKib), '--passes', String(passes), '--concurrency', String(concurrency)]
  const { hashes } = await runHashFloor(secondsEach, args)
  return { memoryKib, passes, ms: (concurrency * 1_000) / hashes }
}

console.log(`${concurrency} at a time, as by default on ${availableParallelism()} cores.\n`)
console.log('memory KiB  passes  ms a hash  hashes/s')
const costs: Cost[] = []
for (const memoryKib of memoriesKib) {
  for (const count of passes) {
    const cost = await measure(memoryKib, count)
    costs.push(cost)
    const cells = [String(memoryKib).padStart(10), String(count).padStart(8), cost.ms.toFixed(1).padStart(11)]
    console.log(`${cells.join('')}${((concurrency * 1_000) / cost.ms).toFixed(1).padStart(10)}`)
    // More passes take longer still.
    if (cost.ms > wantedMs) break
  }
  if (costs.at(-1)?.passes === passes[0] && (costs.at(-1)?.ms ?? 0) > wantedMs) break
}

const [least] = costs
const best = costs.findLast(
  ({ ms, memoryKib }) => ms <= wantedMs && !costs.some((one) => one.memoryKib > memoryKib && one.ms <= wantedMs),
)
if (!best) {
  console.log(`
The least that production allows takes ${least?.ms.toFixed(0)} ms here, more than ${wantedMs} ms. Take faster cores, or accept that time.`)
} else {
  console.log(`
For at most ${wantedMs} ms a hash:

  REKEY_HASH_MEMORY_KIB=${best.memoryKib}
  REKEY_HASH_PASSES=${best.passes}

One instance then signs in ${((concurrency * 1_000) / best.ms).toFixed(0)} customers a second, and its hashes take ${Math.ceil((best.memoryKib * concurrency) / 1_024)} MiB.
A sign-in also waits for those before it: under load it takes longer than its hash.`)
}
