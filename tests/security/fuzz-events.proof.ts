// S31 with 200 events of each type; fuzz-events.test.ts sends 10.

process.env.FUZZ_EVENTS ??= '200'
await import('./fuzz-events.test.ts')
