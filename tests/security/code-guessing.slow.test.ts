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
import { confirmationFor, titleOf } from '@rekey/test-support/visitor'
import t from 'tap'
import { registeredClient } from './clients.ts'
import { startMessageLog } from './message-log.ts'
import { createRequests } from './requests.ts'

const clients = t.testdir({
  'clients.json': JSON.stringify(['ib_localhost', 'another'].map((id) => registeredClient(id))),
})

const rekey = await startProcesses(t, {
  gatewayEnv: { REKEY_RESEND_SECONDS: '1', REKEY_CLIENTS_FILE: join(clients, 'clients.json') },
})
const { http } = rekey
const messageLog = await startMessageLog(t, rekey)
const newCustomer = () => createCustomer(rekey.postgres.url)

const { a2: A2, b6: B6, b5b, pages, resend } = createRequests(rekey)

/** The endpoints that take a code. */
const endpoints = {
  A2,
  A5: (token: string, code: string, other: object = {}) =>
    http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token: token, code, ...other }),
  B6,
}

/** An endpoint's verdict on a code. */
const outcomeOf = ({ status, text }: Answer) => {
  if (status === 200) return 'right'
  if (status === 503) return 'unavailable'
  if (/invalid_grant|This code is not correct/.test(text)) return 'wrong'
  return /access_denied|too many wrong codes/.test(text) ? 'locked' : `${status} ${text}`
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

/** Opens a challenge for a new customer, for each purpose and endpoint. */
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
const send = ({ endpoint, token }: Challenge, code: string) => endpoints[endpoint](token, code)

/** Resends after the Retry-After of an early attempt. */
const resendInTime = async (token: string, email: string) => {
  const early = await resend(token, email)
  if (early.status !== 429) return early
  await delay(Number(early.headers.get('retry-after')) * 1_000)
  return resend(token, email)
}

// Opened first and answered last, so that no test waits for it: codes of this gateway expire after half a minute.
const shortLived = await rekey.startGateway({ REKEY_CODE_TTL_SECONDS: '30' })
const openShortLived = async () => {
  const { answer, confirmation } = await askRestore(
    { ...rekey, http: createHttp(shortLived.url) },
    (await newCustomer()).email,
  )
  return { token: String(answer.body.mfa_token), right: confirmation }
}
const [inTime, tooLate] = [await openShortLived(), await openShortLived()]
t.equal(outcomeOf(await endpoints.A2(inTime.token, inTime.right)), 'right', 'S2 a code is accepted before it expires')

for (const [index, [purpose, open]] of Object.entries(purposes).entries()) {
  // One script decides for all purposes: the largest races need only one of them.
  const races = index === 0 ? { right: 50, wrong: 200 } : { right: 20, wrong: 40 }
  t.test(`S5 ${purpose}: after five wrong codes the right one is refused`, async (t) => {
    const challenge = await open()
    for (let count = 1; count <= 5; count += 1) {
      t.equal(outcomeOf(await send(challenge, wrongCode(challenge.right))), 'wrong')
    }
    t.equal(outcomeOf(await send(challenge, challenge.right)), 'locked')
  })

  t.test(`S3 ${purpose}: of many parallel right answers one is accepted, and none later`, async (t) => {
    const challenge = await open()
    const answers = await race(races.right, () => send(challenge, challenge.right))
    const { right = 0, wrong = 0, unavailable = 0 } = outcomesOf(answers)
    t.ok(
      right <= 1 && right + wrong + unavailable === races.right,
      `${right} right, ${wrong} wrong, ${unavailable} unavailable`,
    )
    // A 503 leaves open whether the code was accepted: a store timed out.
    const after = outcomeOf(await patiently(() => send(challenge, challenge.right)))
    const accepted = right + (after === 'right' ? 1 : 0)
    t.ok(accepted === 1 || (accepted === 0 && unavailable > 0), `${accepted} accepted in all`)
    t.equal(outcomeOf(await patiently(() => send(challenge, challenge.right))), 'wrong')
  })

  t.test(`S5 S35 ${purpose}: of many parallel wrong codes five are compared, logged and published`, async (t) => {
    const challenge = await open()
    const answers = await race(races.wrong, () => send(challenge, wrongCode(challenge.right)))
    const { wrong = 0, locked = 0, unavailable = 0 } = outcomesOf(answers)
    t.equal(wrong + locked + unavailable, races.wrong)
    const expected = 5
    t.ok(
      wrong <= expected && wrong + unavailable >= expected,
      `${wrong} wrong, ${locked} locked, ${unavailable} unavailable`,
    )
    let repeated = 0
    const last = await patiently(
      () => send(challenge, challenge.right),
      () => {
        repeated += 1
      },
    )
    t.equal(outcomeOf(last), 'locked')

    const { sub } = claimsOf(challenge.token)
    const lines = (await rekey.logOf('auth-gateway')).filter((line) => line.challenge === hashForLog(String(sub)))
    const compared = lines.filter(({ reason }) => reason === 'wrong')
    t.same(
      compared.map(({ attempt }) => attempt),
      [1, 2, 3, 4, 5],
    )
    const who = { clientId: 'ib_localhost', address: '127.0.0.1', severity: 'warn', traceId: /^[\da-f]{32}$/ }
    for (const line of compared) t.match(line, { event: 'authn_challenge_fail', ...who })
    const refusals = lines.filter(({ event, reason }) => event === 'authn_challenge_fail' && reason === 'locked').length
    // A refusal that is logged may be answered 503: a store timed out afterwards.
    const least = races.wrong - unavailable - compared.length + 1
    t.ok(refusals >= least && refusals <= least + unavailable + repeated, `${refusals} refusals are logged`)

    const ofChallenge = ({ challengeId }: { challengeId: string }) => challengeId === sub
    // Events of a challenge are published in order: this one is the last.
    await eventually(() => messageLog.events(ChallengeLocked).some(ofChallenge), { what: 'the locked challenge' })
    const failed = messageLog.events(ChallengeFailed).filter(ofChallenge)
    t.same(failed.map(({ attempt }) => attempt).toSorted(), [1, 2, 3, 4])
    t.match(messageLog.events(ChallengeLocked).filter(ofChallenge), [{ attempt: 5, clientId: 'ib_localhost' }])
  })
}

/** The codes that the gateway compared, or refused to, on the pages of this address, in order. */
const comparedFor = async (challenge: unknown) =>
  (await rekey.logOf('auth-gateway'))
    .filter((line) => line.challenge === challenge)
    .map(({ event, reason }) => (event === 'authn_challenge_success' ? 'right' : reason))
    .filter(Boolean)

/** A restore on the pages, and a function that submits codes as an attacker does: each as a press of its own. */
const onPages = async () => {
  const before = new Set((await rekey.logOf('auth-gateway')).map(({ challenge }) => challenge))
  const { email } = await newCustomer()
  const visitor = pages()
  const begun = await visitor.askCode(email)
  const right = await confirmationFor(rekey.inbox, begun, email)
  const { action, fields } = visitor.formOf(begun, '/code')
  const sent = (await rekey.logOf('auth-gateway')).filter(({ event }) => event === 'authn_challenge_sent')
  const challenge = sent.find((line) => !before.has(line.challenge))?.challenge
  let turn = 0
  const submit = (code: string) => {
    turn += 1
    return visitor.post(action, { ...fields, turn: String(turn), code })
  }
  return { right, challenge, submit }
}

t.test('S5 on the pages: of sixty parallel wrong codes five are compared, and the right one is refused', async (t) => {
  const { right, challenge, submit } = await onPages()
  await race(60, () => submit(wrongCode(right)))
  t.match(titleOf(await submit(right)), 'Please start again')
  t.same(await comparedFor(challenge), Array(5).fill('wrong'))
})

t.test(
  'S3 on the pages: of twenty parallel right codes one is compared, and all lead to the new password',
  async (t) => {
    const { right, challenge, submit } = await onPages()
    const answers = await race(20, () => submit(right))
    t.same(answers.map(titleOf), Array(20).fill('Choose a new password'))
    t.same(await comparedFor(challenge), ['right'])
  },
)

t.test('S7 S5 a resent code replaces the old one, comes after the cooldown, and adds no attempt', async (t) => {
  const { email } = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, email)
  const token = String(answer.body.mfa_token)
  for (let count = 0; count < 3; count += 1) await endpoints.A2(token, wrongCode(confirmation))
  const second = await messageAfter(rekey, email, () => resendInTime(token, email))
  t.equal(second.answer.status, 200)
  t.equal(outcomeOf(await endpoints.A2(token, confirmation)), 'wrong', 'a replaced code is the fourth failed attempt')
  t.equal(outcomeOf(await endpoints.A2(String(second.answer.body.mfa_token), wrongCode(second.confirmation))), 'wrong')
  for (const either of [token, String(second.answer.body.mfa_token)]) {
    t.equal(outcomeOf(await endpoints.A2(either, second.confirmation)), 'locked')
  }
  t.equal(outcomeOf(await resendInTime(token, email)), 'locked', 'no further code is sent')
})

t.test('S7 a challenge is sent five codes, one per cooldown; the last one is right', async (t) => {
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
  t.ok(Number(sixth.headers.get('retry-after')) > 1, 'Retry-After is the end of the challenge')
  await messageLog.allHandled()
  t.equal((await rekey.inbox.messagesTo(email)).length, 5)
  for (const old of codes.slice(0, 3)) t.equal(outcomeOf(await endpoints.A2(token, old)), 'wrong')
  t.equal(outcomeOf(await endpoints.A2(token, codes[4] ?? '')), 'right')
})

t.test(
  'S4 a code is accepted for its own challenge, endpoint and client only, and such attempts do not spend it',
  async (t) => {
    // Five: four wrong codes, which are those of the others, do not lock a challenge.
    const kinds = ['a restore (A1)', 'a restore (A1)', 'a restore (B5b)', 'a change (B5)', 'a sign-in (A4b)']
    const challenges = await Promise.all(kinds.flatMap((kind) => purposes[kind]?.() ?? []))
    for (const own of challenges) {
      for (const other of challenges) {
        if (own !== other) t.equal(outcomeOf(await send(other, own.right)), 'wrong')
      }
      const { scope = 'CUSTOMER:PASSWORD:RESTORE' } = own
      for (const endpoint of ['A2', 'A5', 'B6'] as const) {
        if (endpoint === own.endpoint) continue
        const answer = await endpoints[endpoint](own.token, own.right, { scope })
        // A2 grants no scope of a sign-in.
        const isOtherScope = endpoint === 'A2' && answer.body.error === 'invalid_scope'
        t.ok(isOtherScope || outcomeOf(answer) === 'wrong', `${own.endpoint} by ${endpoint}`)
      }
      if (own.endpoint === 'A2' || own.endpoint === 'A5') {
        const byAnother = await endpoints[own.endpoint](own.token, own.right, { client_id: 'another' })
        t.equal(outcomeOf(byAnother), 'wrong', 'by another client')
      }
      if (own.endpoint === 'A2') {
        t.equal(outcomeOf(await endpoints.A2(own.token, own.right, { state: 'another' })), 'wrong', 'state')
        const answer = await endpoints.A2(own.token, own.right, { scope: 'CUSTOMER:FULL' })
        t.match(answer, { status: 400, body: { error: 'invalid_scope' } }, 'scope')
      }
    }
    for (const own of challenges)
      t.equal(outcomeOf(await send(own, own.right)), 'right', `its own code at ${own.endpoint}`)
  },
)

t.test('S2 an expired code is refused', async (t) => {
  const expiresAt = Number(claimsOf(tooLate.token).exp) * 1_000
  await delay(Math.max(0, expiresAt - Date.now()) + 1_000)
  t.equal(outcomeOf(await endpoints.A2(tooLate.token, tooLate.right)), 'wrong')
})
