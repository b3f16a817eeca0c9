import { loginBody } from '@rekey/test-support/flows'
import t, { type Test } from 'tap'
import { ourHash, startMeasured } from './timing/measured.ts'
import { sameTime } from './timing/same-time.ts'
import { sample } from './timing/samples.ts'

// Wrong passwords at A4: 2 × 1,000 samples. Measured values: docs/timing.md.

t.setTimeout(600_000)

const warmUp = 20
const samples = 1_000

const compare = async (t: Test, what: string, hashes: string[], blockedShare: number) => {
  const { post, people, block } = await startMeasured(t)
  const ask = async (email: string) =>
    (await post('/oauth/v2/login', loginBody({ email, password: 'a wrong password' }), 400)).ms
  const early = await people(warmUp, hashes)
  for (const username of [...early.known, ...early.unknown]) await ask(username)
  const groups = await people(samples, hashes)
  await block(groups.known.slice(0, blockedShare * samples))
  sameTime(t, what, await sample(groups, ask))
}

t.test('S12: a wrong password takes the same time for known and unknown usernames', (t) =>
  compare(t, 'A4, our own hashes, known and unknown', [ourHash], 0),
)

// Cheap hashes differ from ours in time as well as costly ones, and make the test shorter.
const foreign = [
  '$2b$06$abcdefghijklmnopqrstuuO6l3H.rYqzlmHPk0u5Oul0q8gn3Zn8y',
  '$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY',
  '$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY',
]

t.test('S12: a wrong password takes the same time over all usernames with foreign hashes and blocked customers', (t) =>
  compare(t, 'A4, foreign hashes, known and unknown', [ourHash, ...foreign, ourHash], 0.1),
)
