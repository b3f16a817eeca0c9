import t from 'tap'
import { resetAll, routes } from './fuzz/requests.ts'
import { startFuzz } from './fuzz/run.ts'

// About 4 minutes. FUZZ_REQUESTS: how many requests; FUZZ_SEED repeats those of a failed run.

const total = Number(process.env.FUZZ_REQUESTS ?? 100_000)
/**
 * MiB that a service may hold more in the last two fifths of a run than in the two before. The query plans that Prisma
 * keeps, a thousand at most, are some of it.
 */
const growthMiB = 15
/** Errors of the schema and of authentication: the route itself did nothing yet. */
const refusedBeforeRoute =
  /^(invalid_request|invalid_token|insufficient_scope|invalid_client|method_not_allowed|4\d\d)$/

t.setTimeout(1_800_000)

const { fuzz, outcomes, memory } = await startFuzz(t)

t.test(`S31 fuzz: ${total} requests over every schema of the contracts are answered as the contracts say`, (t) =>
  fuzz(t, total),
)

t.test('S31 fuzz: every route was both reached and refused', async (t) => {
  for (const route of routes.filter((route) => route !== resetAll)) {
    const seen = [...(outcomes.get(route) ?? [])]
    t.ok(
      seen.some((outcome) => !refusedBeforeRoute.test(outcome)) && seen.some((outcome) => outcome !== 'served'),
      `${route}: ${seen.join(' ')}`,
    )
  }
})

t.test(`S31 fuzz: no service holds ${growthMiB} MiB more at the end than after warming up`, async (t) => {
  for (const { name, samples } of memory()) {
    t.comment(`${name}: ${samples.join(' ')} MiB`)
    const fifth = Math.ceil(samples.length / 5)
    const [early, late] = [Math.min(...samples.slice(fifth, 3 * fifth)), Math.min(...samples.slice(3 * fifth))]
    t.ok(late - early <= growthMiB, `${name}: ${early} MiB, then ${late} MiB`)
  }
})
