import { ChallengeLocked, LimitExceeded, RestoreRequested } from '@rekey/contracts'
import { hashForLog } from '@rekey/platform/logger'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askRestore,
  backOfficeToken,
  changeGrant,
  claimsOf,
  codesOf,
  race,
  restore,
  signIn,
} from '@rekey/test-support/flows'
import { patiently } from '@rekey/test-support/patiently'
import { startRekey } from '@rekey/test-support/rekey'
import t from 'tap'
import { startMessageLog } from './message-log.ts'
import { createRequests, wrong } from './requests.ts'

const firstLockoutSeconds = 600
const rekey = await startRekey(t)
const { clock } = rekey
const messageLog = await startMessageLog(t, rekey)
const requests = createRequests(rekey)
type Requests = typeof requests
const newCustomer = () => createCustomer(rekey.postgres.url)

/** The account in rate limit events: the HMAC of the username, which `sid` of the `mfa_token` has. */
const accountOf = (mfaToken: unknown) => String(claimsOf(String(mfaToken)).sid).replace('restore.', '')
const lockoutsOf = (account: string) =>
  messageLog.events(LimitExceeded).filter((event) => event.by === 'budget' && event.account === account)

/** Sends ten wrong codes to two new challenges. @returns the account's lockouts so far */
const guess = async ({ a1, a2 }: Requests, email: string, lockouts: number) => {
  const opened = await race(2, () => a1(email))
  for (const { body } of opened) await race(5, () => a2(body.mfa_token, wrong))
  const account = accountOf(opened[0]?.body.mfa_token)
  await eventually(() => lockoutsOf(account).length >= lockouts, { what: `lockout ${lockouts}` })
  return lockoutsOf(account)
}

/** Requests a restore. @returns the reason that its event has for suppressing the code, or undefined if it is sent */
const suppressedBecause = async ({ a1 }: Requests, email: string) => {
  const { status, body } = await a1(email)
  if (status !== 200) return status
  const { sub } = claimsOf(String(body.mfa_token))
  return (await eventually(() => messageLog.events(RestoreRequested).find((event) => event.challengeId === sub)))
    .withheld
}

const codesSentTo = async (address: string) =>
  (await rekey.inbox.messagesTo(address)).filter((message) => codesOf(message).confirmation !== '').length

/** What the gateway logged about an account or a challenge. */
const loggedFor = (field: 'account' | 'challenge', value: unknown) =>
  rekey.logs.map((line) => JSON.parse(line)).filter((line) => line[field] === hashForLog(String(value)))

t.test(
  'S6 S35 ten wrong codes over challenges and resends lock restore and nothing else; the next lockout is twice as long',
  async (t) => {
    const customer = await newCustomer()
    const { email, phone } = customer
    const { answer, confirmation } = await askRestore(rekey, email)
    const right = { token: answer.body.mfa_token, code: confirmation }
    const account = accountOf(right.token)

    const { mfa_token } = (await requests.a1(email)).body
    await race(4, () => requests.a2(mfa_token, wrong))
    const early = await requests.resend(mfa_token, email)
    clock.advance(Number(early.headers.get('retry-after')) * 1_000)
    await requests.resend(mfa_token, email)
    await requests.a2(mfa_token, wrong)
    const other = (await requests.b5b({ email })).body.token
    const otherId = claimsOf(String(other)).sub
    await messageLog.allHandled()
    const sent = await codesSentTo(email)
    await race(5, () => requests.b6(other, wrong))

    const refused = await requests.a2(right.token, right.code)
    t.match(refused, { status: 400, body: { error: 'invalid_grant' } }, 'the right code of an earlier challenge')
    t.equal(await suppressedBecause(requests, email), 'budget')
    // Only the password-service knows that both addresses belong to one customer: wait until it has the wrong codes.
    await eventually(() => messageLog.events(ChallengeLocked).some(({ challengeId }) => challengeId === otherId))
    await messageLog.allHandled()
    t.equal((await requests.b5b({ phone })).status, 200)
    await messageLog.allHandled()
    t.equal(await codesSentTo(email), sent)
    t.equal(await codesSentTo(phone), 0, 'another address of the customer is locked too')
    const signedIn = await signIn(rekey, customer)
    t.ok(signedIn, 'sign-in works')
    t.ok(await changeGrant(rekey, customer, signedIn), 'a change works')

    await eventually(() => lockoutsOf(account).length > 0, { what: 'the lockout' })
    t.match(lockoutsOf(account), [
      { action: 'answer', clientId: 'ib_localhost', retryAfterSeconds: firstLockoutSeconds },
    ])
    const lines = loggedFor('account', account)
    const expected = { event: 'excess_rate_limit_exceeded', severity: 'warn', by: 'budget', address: '127.0.0.1' }
    t.match(lines, [{ ...expected, clientId: 'ib_localhost', retryAfterSeconds: firstLockoutSeconds }])
    const refusals = loggedFor('challenge', claimsOf(String(right.token)).sub)
    t.match(refusals.at(-1), { event: 'authn_challenge_fail', reason: 'locked_out', severity: 'warn', attempt: 1 })

    clock.advance(firstLockoutSeconds * 1_000)
    t.equal(await suppressedBecause(requests, email), undefined, 'the lockout ends')
    const [, second] = await guess(requests, email, 2)
    t.equal(second?.retryAfterSeconds, 2 * firstLockoutSeconds)
    clock.advance(firstLockoutSeconds * 1_000)
    t.equal(await suppressedBecause(requests, email), 'budget')
    clock.advance(firstLockoutSeconds * 1_000)

    const last = await askRestore(rekey, email)
    const given = await requests.a2(last.answer.body.mfa_token, last.confirmation)
    t.equal((await restore(rekey, String(given.body.sign_token), 'a new password')).status, 204)
    const [, , third] = await guess(requests, email, 3)
    t.equal(third?.retryAfterSeconds, firstLockoutSeconds, 'a right code resets the failed attempts')
  },
)

t.test('S6 of 180 wrong codes that race over 30 challenges, ten are compared', async (t) => {
  const { email } = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, email)
  const opened = await race(30, () => requests.a1(email))
  const tokens = opened.map(({ body }) => String(body.mfa_token))
  const answers = await Promise.all(
    tokens.flatMap((token) => Array.from({ length: 6 }, () => requests.a2(token, wrong))),
  )
  const challenges = new Set(tokens.map((token) => hashForLog(String(claimsOf(token).sub))))
  const lines = rekey.logs.map((line) => JSON.parse(line)).filter(({ challenge }) => challenges.has(String(challenge)))
  const compared = lines.filter(({ reason }) => reason === 'wrong')
  t.equal(compared.length, 10)
  t.equal(lines.filter(({ reason }) => reason === 'locked_out').length, 140)
  // The answers do not show which codes were compared: each challenge refuses five as wrong. An answer that came too late
  // on a busy machine is a 503; the code is judged all the same.
  for (const [index, token] of tokens.entries()) {
    const errors = answers
      .slice(index * 6, index * 6 + 6)
      .map(({ status, body }) => (status === 503 ? 503 : body.error))
    const late = errors.filter((error) => error === 503).length
    const refused = errors.filter((error) => error === 'invalid_grant').length
    const ended = errors.filter((error) => error === 'access_denied').length
    t.equal(refused + ended + late, 6, `${errors.join(', ')} for ${token}`)
    t.ok(refused <= 5 && ended <= 1, `${errors.join(', ')} for ${token}`)
  }
  t.match(await requests.a2(answer.body.mfa_token, confirmation), { status: 400, body: { error: 'invalid_grant' } })
})

t.test('S6 after a hundred wrong codes restore stays locked until the back office lifts the lockout', async (t) => {
  const customer = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, customer.email)
  const waits: number[] = []
  while (waits.length < 10) {
    const lockouts = await guess(requests, customer.email, waits.length + 1)
    waits.push(lockouts.at(-1)?.retryAfterSeconds ?? 0)
    clock.advance(Math.max(0, waits.at(-1) ?? 0) * 1_000)
  }
  t.same(waits, [600, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 76_800, 86_400, -1])
  t.equal(await suppressedBecause(requests, customer.email), 'budget')
  clock.advance(2 * 86_400_000)
  t.equal(await suppressedBecause(requests, customer.email), 'budget', 'after longer than any lockout')
  const early = await requests.a2(answer.body.mfa_token, confirmation)
  t.match(early, { status: 400, body: { error: 'invalid_grant' } }, 'the right code of an earlier challenge')
  t.ok(await signIn(rekey, customer), 'sign-in works')

  const lift = async (token: string) =>
    rekey.http.send('DELETE', `/api/v2/clients/${customer.id}/block`, { authorization: `Bearer ${token}` })
  t.equal((await lift(await signIn(rekey, customer))).status, 403, 'a customer cannot lift it')
  t.equal((await lift(await backOfficeToken(rekey))).status, 204)
  await eventually(async () => (await suppressedBecause(requests, customer.email)) === undefined, {
    what: 'the lockout to be lifted',
  })
  const { answer: fresh, confirmation: right } = await askRestore(rekey, customer.email)
  const given = await requests.a2(fresh.body.mfa_token, right)
  const set = await patiently(() => restore(rekey, String(given.body.sign_token), 'a new password'))
  t.equal(set.status, 204)
})
