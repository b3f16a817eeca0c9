import type { Teardown } from '@rekey/test-support/infrastructure'
import fc from 'fast-check'
import type { Test } from 'tap'
import { inspected, openHeldMemory } from './held-memory.ts'
import { knownValues } from './known-values.ts'
import { startFuzzed } from './processes.ts'
import { isCostly, type Request, requests } from './requests.ts'
import { fuzzSeed } from './seed.ts'
import { createSender } from './sender.ts'

const batchSize = 1_000
/** Batches between two measurements of memory. */
const measuredBatches = 5

interface Failure {
  seed: number
  index: number
  request: Request
  violation: string
}

/** Starts the product as processes, and a sender of random requests of the contracts' schemas. */
export const startFuzz = async (t: Teardown) => {
  const fuzzed = await startFuzzed(t, inspected)
  const { rekey, names, logOf, lines, assertSound } = fuzzed
  const { fields, bearers } = await knownValues(rekey)
  const request = requests(fields, bearers)
  const sender = await createSender(rekey)
  t.teardown(() => sender.close())
  const property = fc.asyncProperty(request, async (request) => {
    const { violation } = await sender.send(request)
    if (violation !== undefined) throw new Error(`the answer ${violation}`)
  })

  const outcomes = new Map<string, Set<string>>()
  const note = (route: string, error: string | undefined) =>
    outcomes.set(route, (outcomes.get(route) ?? new Set()).add(error ?? 'served'))

  /** Sends a thousand requests, 16 at a time; two at a time of the costly ones, which would fill the queue of hashes. */
  const sendBatch = async (seed: number): Promise<Failure[]> => {
    const failures: Failure[] = []
    const batch = fc.sample(property, { seed, numRuns: batchSize }).map(([request], index) => ({ request, index }))
    const work = async (queue: typeof batch = []) => {
      for (let next = queue.pop(); next; next = queue.pop()) {
        const { request, index } = next
        const { error, violation } = await sender.send(request)
        note(request.route, error)
        if (violation !== undefined) failures.push({ seed, index, request, violation })
      }
    }
    const { costly, cheap } = Object.groupBy(batch, ({ request }) => (isCostly(request) ? 'costly' : 'cheap'))
    await Promise.all([...Array.from({ length: 16 }, () => work(cheap)), work(costly), work(costly)])
    return failures
  }

  const meters: Record<string, { read: () => Promise<number>; samples: number[] }> = {}
  for (const name of names) {
    const { read, close } = await openHeldMemory(logOf(name))
    t.teardown(close)
    meters[name] = { read, samples: [] }
  }
  const measureMemory = () =>
    Promise.all(Object.values(meters).map(async ({ read, samples }) => samples.push(Math.round(await read()))))

  /** Finds the smallest failing request from the seed and index of a failure. */
  const shrink = async ({ seed, index, request, violation }: Failure) => {
    const replay = { seed, path: String(index), interruptAfterTimeLimit: 30_000 }
    const { counterexample, errorInstance } = await fc.check(property, replay)
    return { reason: errorInstance ?? `the answer ${violation}, once`, request: counterexample?.[0] ?? request }
  }

  return {
    fuzzed,
    /** By route: the error codes of its answers, and `served`. */
    outcomes,
    /** Memory of each service in MiB, after every fifth batch. */
    memory: () => Object.entries(meters).map(([name, { samples }]) => ({ name, samples })),
    /** Asserts that `total` requests get answers of the contracts, and that no service crashes or logs an internal error. */
    async fuzz(t: Test, total: number) {
      t.comment(`FUZZ_SEED=${fuzzSeed}`)
      const from = performance.now()
      for (let sent = 0; sent < total; sent += batchSize) {
        const [first] = await sendBatch(fuzzSeed + sent / batchSize)
        if (first) {
          const { reason, request } = await shrink(first)
          return t.fail(`FUZZ_SEED=${first.seed}: ${reason}`, { request })
        }
        if ((sent / batchSize) % measuredBatches === 0) await measureMemory()
      }
      t.comment(`${Math.round(total / ((performance.now() - from) / 1_000))} requests/s`)
      assertSound(t, lines(), ({ msg }) => msg === 'internal')
    },
  }
}
