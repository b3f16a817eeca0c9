import t from 'tap'
import { startFuzz } from './fuzz/run.ts'

// The short form of fuzz.proof.ts, with a random seed. FUZZ_SEED repeats a run.

const { fuzz } = await startFuzz(t)

t.test('S31 fuzz: 2,000 requests over every schema get answers of the contracts', (t) => fuzz(t, 2_000))
