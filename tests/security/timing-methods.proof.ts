import { challengeType, parseUsername } from '@rekey/contracts'
import { restoreBody, state, verificationBody } from '@rekey/test-support/flows'
import t, { type Test } from 'tap'
import { wrong } from './requests.ts'
import { startMeasured } from './timing/measured.ts'
import { sameTime } from './timing/same-time.ts'
import { sample } from './timing/samples.ts'

// Requests before the first proof: 2 × 1,000 samples of customers with and without second methods, under the rule that
// looks at all of them. Measured values: docs/timing.md.

t.setTimeout(600_000)

const { get, post, peopleByMethods } = await startMeasured(t, { REKEY_RESTORE_PROOFS: 'known' })

const warmUp = 100
const samples = 1_000

type Ask = (username: string) => Promise<number>

const restore = async (username: string) => post('/oauth/v2/passwordRestore', restoreBody(username), 200)

/** Requests each username once; `prepare` makes what the requests need. */
const compare = async (t: Test, what: string, prepare: (usernames: string[]) => Promise<Ask>) => {
  const early = await peopleByMethods(warmUp)
  const warming = await prepare(Object.values(early).flat())
  for (const username of Object.values(early).flat()) await warming(username)
  const { enrolled, plain } = await peopleByMethods(samples)
  const ask = await prepare([...enrolled, ...plain])
  sameTime(t, `${what}, with and without second methods`, await sample({ known: enrolled, unknown: plain }, ask))
}

/** Opens a restore of each username. @returns the `mfa_token` of each */
const tokensOf = async (usernames: string[]) => {
  const tokens = new Map<string, unknown>()
  for (const username of usernames) tokens.set(username, (await restore(username)).body.mfa_token)
  return tokens
}

t.test('S60: A1 takes the same time with and without second methods', (t) =>
  compare(t, 'A1', async () => async (username) => (await restore(username)).ms),
)

t.test('S60: B5b takes the same time with and without second methods', (t) => {
  const path = '/api/v2/my/2fa/unauthorized/challenge?businessProcess=restorePassword'
  return compare(t, 'B5b', async () => async (username) => (await get(`${path}&email=${username}`, 200)).ms)
})

for (const grantType of ['mfa_oob', 'mfa_otp']) {
  t.test(`S60: a wrong first proof (${grantType}) takes the same time with and without second methods`, (t) =>
    compare(t, `A2, ${grantType}`, async (usernames) => {
      const tokens = await tokensOf(usernames)
      return async (username) => {
        const body = { ...verificationBody(tokens.get(username), wrong), grant_type: grantType }
        return (await post('/oauth/v2/passwordRestoreVerification', body, 400)).ms
      }
    }),
  )
}

t.test('S60: a resend takes the same time with and without second methods', (t) =>
  compare(t, 'A4b of a restore', async (usernames) => {
    const tokens = await tokensOf(usernames)
    return async (username) => {
      const body = {
        challenge_type: challengeType(parseUsername(username)),
        client_timezone: '-3',
        mfa_token: tokens.get(username),
        response_type: 'code',
        state,
      }
      return (await post('/oauth/v2/challenge', body, 200)).ms
    }
  }),
)
