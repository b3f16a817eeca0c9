import t from 'tap'
import { fuzzEvents } from './fuzz/events.ts'
import { startFuzzed } from './fuzz/processes.ts'
import { fuzzSeed } from './fuzz/seed.ts'

// FUZZ_EVENTS: events of each type.

const perType = Number(process.env.FUZZ_EVENTS ?? 200)

const fuzzed = await startFuzzed(t)

t.test(`S31 fuzz: ${perType} valid, nearly valid and invalid events of every type crash no service`, (t) =>
  fuzzEvents(t, fuzzed, { perType, seed: fuzzSeed }),
)
