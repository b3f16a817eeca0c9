import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ChallengeFailed, ChallengeLocked } from '@rekey/contracts'
import { hashForLog } from '@rekey/platform/logger'
import { createCustomer } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askChange,
  askLogin,
  askRestore,
  claimsOf,
  codesOf,
  messageAfter,
  race,
  signIn,
  state,
  wrongCode,
} from '@rekey/test-support/flows'
import { type Answer, createHttp } from '@rekey/test-support/http'
import { patiently } from '@rekey/test-support/patiently'
import { startProcesses } from '@rekey/test-support/processes'
import t from 'tap'
import { registered } from './clients.ts'
import { compactToken, createRequests } from './requests.ts'
import { startWiretap } from './wiretap.ts'

const clients = t.testdir({ 'clients.json': JSON.stringify(['ib_localhost', 'another'].map((id) => registered(id))) })

const rekey = await startProcesses(t, {
  gatewayEnv: { REKEY_RESEND_SECONDS: '1', REKEY_CLIENTS_FILE: join(clients, 'clients.json') },
})
const { http } = rekey
const wiretap = await startWiretap(t, rekey)
const newCustomer = () => createCustomer(rekey.postgres.url)

const { a2: A2, b6: B6, b5b, page, resend } = createRequests(rekey)

/** The endpoints that take a code. */
const endpoints = {
  A2,
  A5: (token: string, code: string, other: object = {}) =>
    http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token: token, code, ...other }),
  B6,
  page: (token: string, code: string) =>
    page('answer', { token, username: 'somebody@example.com', verification: '0000', code }),
}

/** What an endpoint makes of a code. */
const outcomeOf = ({ status, text }: Answer) => {
  if (status === 200) return 'right'
  if (status === 503) return 'unavailable'
  if (/invalid_grant|That code is not right/.test(text)) return 'wrong'
  return /access_denied|Too many codes were wrong/.test(text) ? 'ended' : `${status} ${text}`
}
const outcomesOf = (answers: Answer[]) =>
  Object.fromEntries(
    Map.groupBy(answers.map(outcomeOf), (outcome) => outcome)
      .entries()
      .map(([outcome, all]) => [outcome, all.length]),
  )

interface Challenge {
  token: string
  right: string
  endpoint: keyof typeof endpoints
  scope?: string
}

/** A code on its way to a new customer, for each purpose and by each way. */
const purposes: Record<string, () => Promise<Challenge>> = {
  'a restore (A1)': async () => {
    const { answer, confirmation: right } = await askRestore(rekey, (await newCustomer()).email)
    return { token: String(answer.body.mfa_token), right, endpoint: 'A2' }
  },
  'a restore (B5b)': async () => {
    const { email } = await newCustomer()
    const { answer, confirmation: right } = await messageAfter(rekey, email, () => b5b({ email }))
    return { token: String(answer.body.token), right, endpoint: 'B6' }
  },
  'a restore on the pages': async () => {
    const { email } = await newCustomer()
    const begun = await page('begin', { username: email })
    const { confirmation: right } = codesOf(await rekey.inbox.waitForMessage(email))
    return { token: begun.text.match(compactToken)?.[0] ?? '', right, endpoint: 'page' }
  },
  'a change (B5)': async () => {
    const customer = await newCustomer()
    const { answer, confirmation: right } = await askChange(rekey, customer, await signIn(rekey, customer))
    return { token: String(answer.body.token), right, endpoint: 'B6' }
  },
  'a sign-in (A4b)': async () => {
    const { answer, confirmation: right } = await askLogin(rekey, await newCustomer())
    return { token: String(answer.body.mfa_token), right, endpoint: 'A5', scope: 'CUSTOMER:FULL' }
  },
}
const give = ({ endpoint, token }: Challenge, code: string) => endpoints[endpoint](token, code)

/** How many of five wrong codes are called wrong and no more: a page says at the fifth that it was the last. */
const calledWrong = ({ endpoint }: Challenge) => (endpoint === 'page' ? 4 : 5)

/** When the answer before says that it can be. */
const resendInTime = async (token: string, email: string) => {
  const early = await resend(token, email)
  if (early.status !== 429) return early
  await delay(Number(early.headers.get('retry-after')) * 1_000)
  return resend(token, email)
}

// Opened first, at a gateway whose codes live for half a minute, to be answered last.
const shortLived = await rekey.startGateway({ REKEY_CODE_TTL_SECONDS: '30' })
const askShortLived = async () => {
  const { answer, confirmation } = await askRestore(
    { ...rekey, http: createHttp(shortLived.url) },
    (await newCustomer()).email,
  )
  return { token: String(answer.body.mfa_token), right: confirmation }
}
const [inTime, tooLate] = [await askShortLived(), await askShortLived()]
t.equal(outcomeOf(await endpoints.A2(inTime.token, inTime.right)), 'right', 'S2 in time such a code is taken')

for (const [purpose, open] of Object.entries(purposes)) {
  t.test(`S5 ${purpose}: the sixth guess finds the challenge ended, though it be right`, async (t) => {
    const challenge = await open()
    for (let count = 1; count <= 5; count += 1) {
      const outcome = count <= calledWrong(challenge) ? 'wrong' : 'ended'
      t.equal(outcomeOf(await give(challenge, wrongCode(challenge.right))), outcome)
    }
    t.equal(outcomeOf(await give(challenge, challenge.right)), 'ended')
  })

  t.test(`S3 ${purpose}: of fifty right answers at once one is taken, and none after them`, async (t) => {
    const challenge = await open()
    const answers = await race(50, () => give(challenge, challenge.right))
    const { right = 0, wrong = 0, unavailable = 0 } = outcomesOf(answers)
    t.ok(right <= 1 && right + wrong + unavailable === 50, `${right} right, ${wrong} wrong, ${unavailable} unavailable`)
    // Where a store did not answer in time it may have taken the code, or not: nobody was told.
    const after = outcomeOf(await patiently(() => give(challenge, challenge.right)))
    const taken = right + (after === 'right' ? 1 : 0)
    t.ok(taken === 1 || (taken === 0 && unavailable > 0), `${taken} taken in all`)
    t.equal(outcomeOf(await patiently(() => give(challenge, challenge.right))), 'wrong')
  })

  t.test(`S5 S35 ${purpose}: of two hundred wrong answers at once five are compared, and told`, async (t) => {
    const challenge = await open()
    const answers = await race(200, () => give(challenge, wrongCode(challenge.right)))
    const { wrong = 0, ended = 0, unavailable = 0 } = outcomesOf(answers)
    t.equal(wrong + ended + unavailable, 200)
    const called = calledWrong(challenge)
    t.ok(wrong <= called && wrong + unavailable >= called, `${wrong} wrong, ${ended} ended, ${unavailable} unavailable`)
    t.equal(outcomeOf(await patiently(() => give(challenge, challenge.right))), 'ended')

    const { sub } = claimsOf(challenge.token)
    const lines = (await rekey.logOf('auth-gateway')).filter((line) => line.challenge === hashForLog(String(sub)))
    const compared = lines.filter(({ reason }) => reason === 'wrong')
    t.same(
      compared.map(({ attempt }) => attempt),
      [1, 2, 3, 4, 5],
    )
    const who = { clientId: 'ib_localhost', address: '127.0.0.1', severity: 'warn', traceId: /^[\da-f]{32}$/ }
    for (const line of compared) t.match(line, { event: 'authn_challenge_fail', ...who })
    const locked = lines.filter(({ event, reason }) => event === 'authn_challenge_fail' && reason === 'locked').length
    t.equal(locked, 200 - unavailable - compared.length + 1)

    const ofChallenge = ({ challengeId }: { challengeId: string }) => challengeId === sub
    // Told in their order: behind the last comes no other.
    await eventually(() => wiretap.events(ChallengeLocked).some(ofChallenge), { what: 'the end of the challenge' })
    const failed = wiretap.events(ChallengeFailed).filter(ofChallenge)
    t.same(failed.map(({ attempt }) => attempt).toSorted(), [1, 2, 3, 4])
    t.match(wiretap.events(ChallengeLocked).filter(ofChallenge), [{ attempt: 5, clientId: 'ib_localhost' }])
  })
}

t.test('S7 S5 a new code replaces the old one, waits its time, and buys no guess', async (t) => {
  const { email } = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, email)
  const token = String(answer.body.mfa_token)
  for (let count = 0; count < 3; count += 1) await endpoints.A2(token, wrongCode(confirmation))
  const second = await messageAfter(rekey, email, () => resendInTime(token, email))
  t.equal(second.answer.status, 200)
  t.equal(outcomeOf(await endpoints.A2(token, confirmation)), 'wrong', 'one that was replaced: the fourth')
  t.equal(outcomeOf(await endpoints.A2(String(second.answer.body.mfa_token), wrongCode(second.confirmation))), 'wrong')
  for (const either of [token, String(second.answer.body.mfa_token)]) {
    t.equal(outcomeOf(await endpoints.A2(either, second.confirmation)), 'ended')
  }
  t.equal(outcomeOf(await resendInTime(token, email)), 'ended', 'nor is another code sent')
})

t.test('S7 a challenge is sent five codes, one at a time; the last of them is the one', async (t) => {
  const { email } = await newCustomer()
  const first = await askRestore(rekey, email)
  const token = String(first.answer.body.mfa_token)
  const codes = [first.confirmation]
  while (codes.length < 5) {
    const answers = await race(10, () => resend(token, email))
    const sent = answers.filter(({ status }) => status === 200).length
    t.ok(sent <= 1 && answers.every(({ status }) => status === 200 || status === 429))
    if (sent === 0) await delay(Number(answers[0]?.headers.get('retry-after')) * 1_000)
    else codes.push(codesOf(await rekey.inbox.waitForMessage(email, { after: codes.length })).confirmation)
  }
  await delay(1_000)
  const sixth = await resend(token, email)
  t.match(sixth, { status: 429, body: { error: 'temporarily_unavailable', state } })
  t.ok(Number(sixth.headers.get('retry-after')) > 1, 'not before the challenge is over')
  await wiretap.allDealtWith()
  t.equal((await rekey.inbox.messagesTo(email)).length, 5)
  for (const old of codes.slice(0, 3)) t.equal(outcomeOf(await endpoints.A2(token, old)), 'wrong')
  t.equal(outcomeOf(await endpoints.A2(token, codes[4] ?? '')), 'right')
})

t.test(
  'S4 no code opens another challenge, or its own by another way or client, nor is it spent by trying',
  async (t) => {
    // Five of them: each challenge takes four codes of the others, and its own.
    const kinds = ['a restore (A1)', 'a restore (A1)', 'a restore (B5b)', 'a change (B5)', 'a sign-in (A4b)']
    const challenges = await Promise.all(kinds.flatMap((kind) => purposes[kind]?.() ?? []))
    for (const own of challenges) {
      for (const other of challenges) {
        if (own !== other) t.equal(outcomeOf(await give(other, own.right)), 'wrong')
      }
      const { scope = 'CUSTOMER:PASSWORD:RESTORE' } = own
      for (const way of ['A2', 'A5', 'B6'] as const) {
        if (way === own.endpoint) continue
        t.equal(outcomeOf(await endpoints[way](own.token, own.right, { scope })), 'wrong', `${own.endpoint} by ${way}`)
      }
      if (own.endpoint === 'A2' || own.endpoint === 'A5') {
        const byAnother = await endpoints[own.endpoint](own.token, own.right, { client_id: 'another' })
        t.equal(outcomeOf(byAnother), 'wrong', 'by another client')
      }
      if (own.endpoint === 'A2') {
        for (const other of [{ state: 'another' }, { scope: 'CUSTOMER:FULL' }]) {
          t.equal(outcomeOf(await endpoints.A2(own.token, own.right, other)), 'wrong', Object.keys(other).join())
        }
      }
    }
    for (const own of challenges) t.equal(outcomeOf(await give(own, own.right)), 'right', `its own by ${own.endpoint}`)
  },
)

t.test('S2 a code is refused once its time is over', async (t) => {
  const expiresAt = Number(claimsOf(tooLate.token).exp) * 1_000
  await delay(Math.max(0, expiresAt - Date.now()) + 1_000)
  t.equal(outcomeOf(await endpoints.A2(tooLate.token, tooLate.right)), 'wrong')
})
