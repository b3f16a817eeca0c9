import { randomInt } from 'node:crypto'

/** FUZZ_SEED repeats a run. A failure prints the seed whose first thousand requests have it. */
export const fuzzSeed = Number(process.env.FUZZ_SEED ?? randomInt(2 ** 31))
