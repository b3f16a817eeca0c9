import { randomBytes } from 'node:crypto'
import { createLogger } from '@rekey/platform/logger'
import { createMetrics } from '@rekey/platform/metrics'
import fc from 'fast-check'
import t from 'tap'
import { createStoredRecords } from '../stored-records/stored-records.ts'
import { type ChallengeName, type ChallengeRecord, challengeKey, createChallengeRecords } from './challenge.ts'

const log = createLogger({ name: 'test', level: 'silent' })
const stored = createStoredRecords(
  { metrics: createMetrics(), log },
  { REKEY_CODE_KEY: randomBytes(32).toString('base64url') },
)
const records = createChallengeRecords(stored)

const name: ChallengeName = { challengeId: 'c', account: 'a', purpose: 'restore' }
const text = fc.oneof(fc.constant(''), fc.string())
const challenges: fc.Arbitrary<ChallengeRecord> = fc.record({
  flow: fc.constant('oauthRestore' as const),
  account: text,
  clientId: text,
  redirectUri: text,
  scope: text,
  requestedScope: text,
  state: text,
  devices: fc.constant(['oob:email:b*1@gmail.com']),
  device: fc.constant(''),
  sealedUsername: text,
  usernameAccount: text,
  customer: text,
  sessionId: text,
  sessionEpoch: text,
  verificationCode: fc.constant(''),
  codeChallenge: text,
})

/** The record as earlier versions write it: with all fields, also empty ones. */
const asBefore = (challenge: ChallengeRecord) => {
  const fields = { ...challenge, devices: challenge.devices.join('\n') }
  const constant = ['flow', 'account', 'clientId', 'redirectUri', 'scope', 'requestedScope', 'state', 'devices']
  const more = ['sealedUsername', 'usernameAccount', 'customer', 'sessionId', 'sessionEpoch', 'codeChallenge']
  const authentic = stored.ofKind('challenge', ['purpose', ...constant, ...more])
  return { ...fields, mac: authentic.sign(challengeKey(name), { ...fields, purpose: name.purpose }) }
}

t.test('a challenge is read as it was stored, by this version and by earlier ones', (t) => {
  fc.assert(
    fc.property(challenges, (challenge) => {
      for (const fields of [records.toFields(name, challenge), asBefore(challenge)]) {
        t.same(records.read(name, Object.entries(fields).flat()), { ...challenge, purpose: name.purpose })
      }
    }),
  )
  t.end()
})

t.test('no empty field is stored, except the state, which a script compares', (t) => {
  fc.assert(
    fc.property(challenges, (challenge) => {
      const empty = Object.entries(records.toFields(name, challenge)).filter(([, value]) => value === '')
      t.same(
        empty.map(([field]) => field),
        challenge.state === '' ? ['state'] : [],
      )
    }),
  )
  t.end()
})
