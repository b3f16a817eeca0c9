import { challengeType, parseUsername } from '@rekey/contracts'
import { restoreBody, state, verificationBody } from '@rekey/test-support/flows'
import t, { type Test } from 'tap'
import { wrong } from './requests.ts'
import { startMeasured } from './timing/measured.ts'
import { sameTime } from './timing/same-time.ts'
import { sample } from './timing/samples.ts'

// Requests that send or check a code of a restore: 2 × 1,000 samples. Measured values: docs/timing.md.

t.setTimeout(600_000)

const { get, post, people, block } = await startMeasured(t)

const warmUp = 100
const samples = 1_000

/** Requests each username once, over one connection. */
const compare = async (
  t: Test,
  what: string,
  ask: (username: string) => Promise<number>,
  prepare: (known: string[]) => Promise<unknown> = async () => {},
) => {
  const early = await people(warmUp)
  for (const username of [...early.known, ...early.unknown]) await ask(username)
  const groups = await people(samples)
  await prepare(groups.known)
  sameTime(t, what, await sample(groups, ask))
}

const restore = async (username: string) => post('/oauth/v2/passwordRestore', restoreBody(username), 200)

/** Usernames with an open restore, and the `mfa_token` of each. */
const restoring = async () => {
  const groups = await people(samples)
  const tokens = new Map<string, unknown>()
  for (const username of Object.values(groups).flat()) {
    tokens.set(username, (await restore(username)).body.mfa_token)
  }
  return { groups, tokens }
}

t.test('S12: A1 takes the same time for known and unknown usernames', (t) =>
  compare(t, 'A1, known and unknown', async (username) => (await restore(username)).ms),
)

t.test('S12: A1 takes the same time for blocked and unknown usernames', (t) =>
  compare(t, 'A1, blocked and unknown', async (username) => (await restore(username)).ms, block),
)

t.test('S12: B5b takes the same time for known and unknown usernames', (t) =>
  compare(t, 'B5b, known and unknown', async (username) => {
    const path = '/api/v2/my/2fa/unauthorized/challenge'
    return (await get(`${path}?businessProcess=restorePassword&email=${username}`, 200)).ms
  }),
)

t.test('S12: a wrong code to restore takes the same time for known and unknown usernames', async (t) => {
  const { groups, tokens } = await restoring()
  const guess = async (username: string) =>
    (await post('/oauth/v2/passwordRestoreVerification', verificationBody(tokens.get(username), wrong), 400)).ms
  sameTime(t, 'A2, wrong, known and unknown', await sample(groups, guess))
})

t.test('S12: a resend takes the same time for known and unknown usernames', async (t) => {
  const { groups, tokens } = await restoring()
  const resend = async (username: string) => {
    const body = {
      challenge_type: challengeType(parseUsername(username)),
      client_timezone: '-3',
      mfa_token: tokens.get(username),
      response_type: 'code',
      state,
    }
    return (await post('/oauth/v2/challenge', body, 200)).ms
  }
  sameTime(t, 'A4b of a restore, known and unknown', await sample(groups, resend))
})
