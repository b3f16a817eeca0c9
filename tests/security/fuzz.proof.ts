import t from 'tap'
import { resetAll, routes } from './fuzz/requests.ts'
import { startFuzz } from './fuzz/run.ts'

// About 4 minutes. FUZZ_REQUESTS: number of requests. FUZZ_SEED: repeats a failed run.

const total = Number(process.env.FUZZ_REQUESTS ?? 100_000)
const skip = total < 100_000 && 'fewer than 100,000 requests only warm up'
/**
 * MiB that the memory of a service may grow from the second and third to the last two fifths of a run. Part of it are
 * Prisma's cached query plans, a thousand at most.
 */
const growthMiB = 15
/** Refused by schema, authentication or method, before the route's code ran. */
const refusedBeforeRoute =
  /^(invalid_request|invalid_token|insufficient_scope|invalid_client|method_not_allowed|cross_site_request|unsupported_media_type|payload_too_large|4\d\d)$/

t.setTimeout(1_800_000)

const { fuzz, outcomes, memory } = await startFuzz(t)

t.test(`S31 fuzz: ${total} requests over every schema get answers of the contracts`, (t) => fuzz(t, total))

t.test('S31 fuzz: every route was both reached and refused', { skip }, async (t) => {
  for (const route of routes.filter((route) => route !== resetAll)) {
    const found = [...(outcomes.get(route) ?? [])]
    t.ok(
      found.some((outcome) => !refusedBeforeRoute.test(outcome)) && found.some((outcome) => outcome !== 'served'),
      `${route}: ${found.join(' ')}`,
    )
  }
})

t.test(
  `S31 fuzz: the memory of each service grows by at most ${growthMiB} MiB after the warm-up`,
  { skip },
  async (t) => {
    for (const { name, samples } of memory()) {
      t.comment(`${name}: ${samples.join(' ')} MiB`)
      const fifth = Math.ceil(samples.length / 5)
      const [early, late] = [Math.min(...samples.slice(fifth, 3 * fifth)), Math.min(...samples.slice(3 * fifth))]
      t.ok(late - early <= growthMiB, `${name}: ${early} MiB, then ${late} MiB`)
    }
  },
)
