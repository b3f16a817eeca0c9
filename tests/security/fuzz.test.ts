import t from 'tap'
import { fuzzEvents } from './fuzz/events.ts'
import { startFuzz } from './fuzz/run.ts'
import { fuzzSeed } from './fuzz/seed.ts'

// The short form of fuzz.proof.ts and fuzz-events.proof.ts.

const { fuzz, fuzzed } = await startFuzz(t)

t.test('S31 fuzz: 2,000 requests over every schema get answers of the contracts', (t) => fuzz(t, 2_000))

t.test('S31 fuzz: 5 valid, nearly valid and invalid events of every type crash no service', (t) =>
  fuzzEvents(t, fuzzed, { perType: 5, seed: fuzzSeed }),
)
