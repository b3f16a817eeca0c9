import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcesses } from '@rekey/test-support/processes'
import fc from 'fast-check'
import t from 'tap'
import { inspected, isOfInspector, openHeldMemory } from './fuzz/held-memory.ts'
import { knownValues } from './fuzz/known-values.ts'
import { isCostly, type Request, requests, resetAll, routes } from './fuzz/requests.ts'
import { createSender } from './fuzz/sender.ts'

// FUZZ_REQUESTS: number of requests. FUZZ_SEED: repeats a run; a failure prints the seed whose first thousand has it.
const total = Number(process.env.FUZZ_REQUESTS ?? 100_000)
const seed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
const batchSize = 1_000
const isShort = total < 100_000 && 'fewer than 100,000 requests do not get past the warm-up'

t.setTimeout(900_000)

const rekey = await startProcesses(t, { env: { LOG_LEVEL: 'error', ...inspected } })
const services = { 'auth-gateway': rekey.gateway, 'password-service': rekey.passwordService, notifier: rekey.notifier }
const ended: string[] = []
for (const [name, { exited }] of Object.entries(services)) void exited.then(() => ended.push(name))

const { fields, bearers } = await knownValues(rekey)
const request = requests(fields, bearers)
const sender = await createSender(rekey)
t.teardown(() => sender.close())
const property = fc.asyncProperty(request, async (request) => {
  const { violation } = await sender.send(request)
  if (violation !== undefined) throw new Error(`the answer ${violation}`)
})

interface Failure {
  seed: number
  index: number
  request: Request
  violation: string
}

/** By route: the error codes of its answers, and `served`. */
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

const logOf = (name: string) => readFileSync(join(rekey.dataDir, name, 'server.log'), 'utf8')

const memory: Record<string, { read: () => Promise<number>; samples: number[] }> = {}
for (const name of Object.keys(services)) {
  const { read, close } = await openHeldMemory(logOf(name))
  t.teardown(close)
  memory[name] = { read, samples: [] }
}
const noteMemory = () =>
  Promise.all(Object.values(memory).map(async ({ read, samples }) => samples.push(Math.round(await read()))))
/** Memory is measured every so many batches. */
const measuredBatches = 5
/**
 * MiB that the memory of a service may grow from the second and third to the last two fifths of a run. Part of it are
 * Prisma's cached query plans, a thousand at most.
 */
const growthMiB = 15

t.test(`S31 fuzz: ${total} requests over every schema get answers of the contracts (FUZZ_SEED=${seed})`, async (t) => {
  t.comment(`FUZZ_SEED=${seed}`)
  const from = performance.now()
  for (let sent = 0; sent < total; sent += batchSize) {
    const [first] = await sendBatch(seed + sent / batchSize)
    if (first) {
      const replay = { seed: first.seed, path: String(first.index), interruptAfterTimeLimit: 30_000 }
      const { counterexample, errorInstance } = await fc.check(property, replay)
      const request = counterexample?.[0] ?? first.request
      return t.fail(`FUZZ_SEED=${first.seed}: ${errorInstance ?? `the answer ${first.violation}, once`}`, { request })
    }
    if ((sent / batchSize) % measuredBatches === 0) await noteMemory()
  }
  t.comment(`${Math.round(total / ((performance.now() - from) / 1_000))} requests/s`)
  t.same(ended, [], 'no service crashed')
  // A line that is not JSON is Node's message of a crash.
  const lines = Object.keys(services).flatMap((name) =>
    logOf(name)
      .split('\n')
      .filter((line) => line !== '' && !isOfInspector(line)),
  )
  t.same(
    lines.filter((line) => !line.startsWith('{') || JSON.parse(line).msg === 'internal'),
    [],
    'no service logged an internal error',
  )
})

/** Refused by schema, authentication or method, before the route's code ran. */
const refusedEarly = /^(invalid_request|invalid_token|insufficient_scope|invalid_client|method_not_allowed|4\d\d)$/

t.test('S31 fuzz: every route was both reached and refused', { skip: isShort }, (t) => {
  for (const route of routes.filter((route) => route !== resetAll)) {
    const found = [...(outcomes.get(route) ?? [])]
    t.ok(
      found.some((outcome) => !refusedEarly.test(outcome)) && found.some((outcome) => outcome !== 'served'),
      `${route}: ${found.join(' ')}`,
    )
  }
  t.end()
})

t.test(
  `S31 fuzz: the memory of each service grows by at most ${growthMiB} MiB after the warm-up`,
  { skip: isShort },
  (t) => {
    for (const [name, { samples }] of Object.entries(memory)) {
      t.comment(`${name}: ${samples.join(' ')} MiB`)
      const fifth = Math.ceil(samples.length / 5)
      const [early, late] = [Math.min(...samples.slice(fifth, 3 * fifth)), Math.min(...samples.slice(3 * fifth))]
      t.ok(late - early <= growthMiB, `${name}: ${early} MiB, then ${late} MiB`)
    }
    t.end()
  },
)
