import t from 'tap'
import { startFuzz } from './fuzz/run.ts'

// The short form of fuzz.proof.ts, of another seed in each run. FUZZ_SEED repeats one.

const { fuzz } = await startFuzz(t)

t.test('S31 fuzz: 2,000 requests over every schema of the contracts are answered as the contracts say', (t) =>
  fuzz(t, 2_000),
)
