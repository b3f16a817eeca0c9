import { createHash, createHmac, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import { RestoreRequested } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { claimsOf, race } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startProcesses } from '@rekey/test-support/processes'
import { Redis } from 'ioredis'
import t from 'tap'
import { compactToken, createRequests, maskOf, nobody, wrong } from './requests.ts'
import { startWiretap } from './wiretap.ts'

const codesAnHour = 10
const rekey = await startProcesses(t, {
  gatewayEnv: {
    REKEY_LIMIT_CODE_ACCOUNT: `${codesAnHour}/1h`,
    REKEY_LIMIT_LOGIN_ACCOUNT: '5/1h',
    // Longer than it takes all who ask at once to come to ask again, too early.
    REKEY_RESEND_SECONDS: '20',
  },
})
const { http } = rekey
const wiretap = await startWiretap(t, rekey)
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.quit())

const { a1, a2, a4, a4b, resend, b5b, b6, page } = createRequests(rekey)

/** One after the other. */
const repeat = async (times: number, send: () => Promise<Answer>) => {
  const answers: Answer[] = []
  while (answers.length < times) answers.push(await send())
  return answers
}

/** Too early, and when that answer said. */
const earlyAndInTime = async (send: () => Promise<Answer>) => {
  const early = await send()
  await delay(Number(early.headers.get('retry-after')) * 1_000)
  return [early, await send()]
}

/** All that anybody can ask for another's account, by the account's name. */
const attacks: Record<string, (email: string) => Promise<Answer[]>> = {
  'A1 asks for a restore': async (email) => [await a1(email)],
  'A2 guesses at its code until the challenge ends': async (email) => {
    const { mfa_token } = (await a1(email)).body
    return repeat(6, () => a2(mfa_token, wrong))
  },
  'A4 guesses at the password until that is too often': (email) => repeat(6, () => a4(email, wrong)),
  'A4b asks for another code, too early and in time': async (email) => {
    const { mfa_token } = (await a1(email)).body
    return earlyAndInTime(() => resend(mfa_token, email))
  },
  'A4b asks for a code to the phone': async (email) => {
    const { mfa_token } = (await a1(email)).body
    return [await a4b(mfa_token, 'oob:sms:+44*******00')]
  },
  'B5b asks for a restore': async (email) => [await b5b({ email })],
  'B6 guesses at its code until the challenge ends': async (email) => {
    const { token } = (await b5b({ email })).body
    return repeat(6, () => b6(token, wrong))
  },
  'the pages, up to the end of the challenge': async (email) => {
    const begun = await page('begin', { username: email })
    const token = begun.text.match(compactToken)?.[0] ?? ''
    const form = { username: email, token, verification: '0000' }
    const resent = await earlyAndInTime(() => page('resend', form))
    return [begun, ...resent, ...(await repeat(6, () => page('answer', { ...form, code: wrong })))]
  },
}

const useUpLimit = (email: string) => repeat(codesAnHour, () => a1(email))
const useUpBudget = async (email: string) => {
  for (const { body } of await repeat(2, () => a1(email))) await repeat(5, () => a2(body.mfa_token, wrong))
}
const customer = async (status: 'active' | 'blocked' = 'active') =>
  (await createCustomer(rekey.postgres.url, { status })).email

interface Account {
  make: () => Promise<string>
  spoil?: (email: string) => Promise<unknown>
  /** Why no code of it is sent, as the password-service is told. */
  withheld?: 'budget' | 'limit'
}
const stranger = async () => nobody()

/** Accounts that nobody outside may tell apart. */
const accounts: Record<string, Account> = {
  known: { make: customer },
  unknown: { make: stranger },
  'blocked by the bank': { make: () => customer('blocked') },
  'blocked by wrong codes': { make: customer, spoil: useUpBudget, withheld: 'budget' },
  'unknown, and blocked by wrong codes': { make: stranger, spoil: useUpBudget, withheld: 'budget' },
  'over its limit': { make: customer, spoil: useUpLimit, withheld: 'limit' },
  'unknown, and over its limit': { make: stranger, spoil: useUpLimit, withheld: 'limit' },
}

/** What is random, or says what time it is, in an answer: each gives way to a word for what it was. */
const random: [RegExp, string][] = [
  [/[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, 'id'],
  [/restore\.[\w-]{43}/g, 'account'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.000)?/g, 'time'],
  [/"(exp|iat)":\d{10}/g, 'seconds'],
  [/mfa_token:\d{4}|"code":"\d{4}"|<strong>\d{4}<\/strong>|(?<="verification" value=")\d{4}/g, 'verification code'],
]
const withoutRandom = (text: string) => random.reduce((shown, [what, word]) => shown.replaceAll(what, word), text)

/** An answer as everybody must get it: of a token what it says, and how long it is. */
const shapeOf = ({ status, headers, text }: Answer, email: string) => {
  const openTokens = (_: string, token: string) => `${JSON.stringify(claimsOf(token))} in ${token.length}`
  const own = text.replace(new RegExp(`(${compactToken.source})`, 'g'), openTokens)
  const shown = withoutRandom(own).replaceAll(maskOf(email), 'mask').replaceAll(email, 'username')
  const secondsOf = (name: string) => headers.get(name)?.replaceAll(/\d/g, '0')
  // A page says how long to wait in words, of which one has more letters than two.
  const inWords = /in \d+ seconds?/.exec(text)?.[0] ?? ''
  const others = [...headers]
    .filter(([name]) => !['date', 'retry-after', 'ratelimit-reset'].includes(name))
    .map(([name, value]) => [name, name === 'content-length' ? Number(value) - inWords.length : value])
  const wait = [secondsOf('retry-after'), secondsOf('ratelimit-reset')]
  return { status, wait, headers: others, shown: shown.replace(inWords || /^$/, 'in a while') }
}

const challengesIn = (answers: Answer[]) =>
  answers.flatMap(({ text }) => (text.match(compactToken) ?? []).map((token) => String(claimsOf(token).sub)))

t.test('S11 nobody can tell by an answer whether an account exists, is blocked or over its limits', async (t) => {
  const outcomes = await Promise.all(
    Object.entries(attacks).flatMap(([attack, run]) =>
      Object.entries(accounts).map(async ([account, { make, spoil, withheld }]) => {
        const email = await make()
        await spoil?.(email)
        const answers = await run(email)
        return { attack, account, email, answers, withheld, shapes: answers.map((answer) => shapeOf(answer, email)) }
      }),
    ),
  )
  const shapesOf = (wanted: string) =>
    outcomes.find(({ attack, account }) => attack === wanted && account === 'known')?.shapes
  for (const { attack, account, shapes } of outcomes) t.same(shapes, shapesOf(attack), `${attack}: ${account}`)
  const statuses = (attack: string) => shapesOf(attack)?.map(({ status }) => status)
  t.same(statuses('A4 guesses at the password until that is too often'), [400, 400, 400, 400, 400, 429])
  t.same(statuses('A4b asks for another code, too early and in time'), [429, 200])
  t.match(
    shapesOf('A2 guesses at its code until the challenge ends')
      ?.map(({ shown }) => shown)
      .at(-1),
    'access_denied',
  )

  // Nor does a right password tell.
  const blocked = await createCustomer(rekey.postgres.url, { status: 'blocked' })
  const nobodys = nobody()
  t.same(shapeOf(await a4(blocked.email, blocked.password), blocked.email), shapeOf(await a4(nobodys, wrong), nobodys))

  // The accounts are what they are called: within, their codes are withheld, and nobody else's.
  await wiretap.allDealtWith()
  const events = Map.groupBy(wiretap.events(RestoreRequested), ({ challengeId }) => challengeId)
  for (const { attack, account, answers, withheld } of outcomes) {
    for (const challenge of challengesIn(answers)) {
      const reasons = events.get(challenge)?.map((event) => event.withheld) ?? []
      t.ok(reasons.length > 0 && reasons.every((reason) => reason === withheld), `${attack}: ${account}`)
    }
  }
  const reached = new Set((await rekey.inbox.messages()).flatMap(({ To }) => To.map(({ Address }) => Address)))
  for (const { attack, account, email } of outcomes) {
    if (attack.startsWith('A4 ')) continue
    const isReached = ['known', 'blocked by wrong codes', 'over its limit'].includes(account)
    t.equal(reached.has(email), isReached, `who was sent codes: ${account}`)
  }
})

t.test('S11 the comparison sees what differs: a right password, and a code that was not wrong', async (t) => {
  const { email, password } = await createCustomer(rekey.postgres.url)
  t.notSame(shapeOf(await a4(email, password), email), shapeOf(await a4(email, wrong), email))
  const other = nobody()
  const [first, second] = [await a1(email), await a1(other)]
  t.same(shapeOf(first, email), shapeOf(second, other))
  t.notSame(
    shapeOf({ ...first, text: first.text.replace('"state"', '"known":1,"state"') }, email),
    shapeOf(second, other),
  )
  first.headers.set('x-known', '1')
  t.notSame(shapeOf(first, email), shapeOf(second, other))
})

/** One name as four keyboards and systems write it. */
const writings = (name: string) => {
  const forms = [name.normalize('NFC'), name.normalize('NFD')]
  return forms.flatMap((form) => [form.toLowerCase(), form.toUpperCase()])
}

t.test('S13 limits hold for a name however it is written, and exist for whoever does not', async (t) => {
  const name = `zoë.ünal-${randomUUID()}@example.com`
  const variants = writings(name)
  t.equal(new Set(variants).size, 4)
  const before = wiretap.events(RestoreRequested).length
  for (let count = 0; count < codesAnHour; count += 1) await a1(variants[count % 4] ?? '')
  for (const variant of variants) t.equal((await a1(variant)).status, 200)
  await wiretap.allDealtWith()
  const withheld = wiretap
    .events(RestoreRequested)
    .slice(before)
    .map((event) => event.withheld)
  t.same(withheld, [...Array(codesAnHour).fill(undefined), ...Array(4).fill('limit')])

  const signIns = await race(8, (index) => a4(variants[index % 4] ?? '', wrong))
  t.same(signIns.map(({ status }) => status).toSorted(), [400, 400, 400, 400, 400, 429, 429, 429])
})

t.test('S13 S8 Redis names accounts by an HMAC of the normalised name, and nobody by name or plain hash', async (t) => {
  const [known, unknown] = [await customer(), nobody()]
  for (const email of [known, unknown]) {
    await Promise.all([useUpBudget(email), b5b({ email: email.toUpperCase() }), a4(email, wrong)])
  }
  const keys = await redis.keys('*')
  const contents = await Promise.all(
    keys.map(async (key) => {
      const value = (await redis.type(key)) === 'hash' ? JSON.stringify(await redis.hgetall(key)) : await redis.get(key)
      return `${key} ${value}`
    }),
  )
  const accountKey = Buffer.from(
    parseEnv(readFileSync(rekey.keys.authGateway, 'utf8')).REKEY_ACCOUNT_KEY ?? '',
    'base64url',
  )
  for (const email of [known, unknown]) {
    const account = createHmac('sha256', accountKey).update(email).digest('base64url')
    for (const kind of [
      `{${account}}:challenge:`,
      `{${account}}:budget:restore`,
      'limits}:code:account:',
      'limits}:login:account:',
    ]) {
      t.ok(
        keys.some((key) => key.includes(kind) && key.includes(account)),
        `${kind} of an account`,
      )
    }
    const plain = createHash('sha256').update(email)
    const forms = [
      email,
      email.split('@')[0] ?? '',
      ...(['hex', 'base64', 'base64url'] as const).map((form) => plain.copy().digest(form)),
    ]
    for (const form of forms)
      t.notOk(
        contents.some((entry) => entry.toLowerCase().includes(form.toLowerCase())),
        'no name',
      )
  }
})

t.test('S14 no answer shows an address that was not typed, before the password is proven', async (t) => {
  const person = await createCustomer(rekey.postgres.url)
  const answers = (await Promise.all(Object.values(attacks).map((run) => run(person.email)))).flat()
  for (const { text, headers } of answers) {
    const tokens = (text.match(compactToken) ?? []).map((token) => JSON.stringify(claimsOf(token)))
    const seen = [text, ...tokens, JSON.stringify([...headers])].join()
    t.notMatch(seen, /\+44\*|oob:sms/, 'no phone')
    t.notMatch(seen, person.code, 'no customer')
  }
  const { email, password, phone } = await createCustomer(rekey.postgres.url)
  t.match((await a4(email, password)).text, `oob:sms:+44*******${phone.slice(-2)}`, 'and one where the password is')
  // Who guesses the mask of a device that was not asked by is told what anybody is told.
  const { mfa_token } = (await a1(person.email)).body
  const guessed = await a4b(mfa_token, `oob:sms:+44*******${person.phone.slice(-2)}`)
  t.match(guessed, { status: 400, body: { error: 'invalid_request' } })
  t.same(guessed.text, (await a4b(mfa_token, 'oob:sms:+44*******xx')).text)
})

t.test('S14 a password is judged only for who has proven the code', async (t) => {
  const tooLong = 'x'.repeat(129)
  const { mfa_token } = (await a1(await customer())).body
  const set = (headers: object, password: string) =>
    http.post('/api/v2/my/password/restore', { password }, { ...headers })
  const refusals = await Promise.all([
    set({}, tooLong),
    set({}, 'a fine password'),
    set({ successToken: mfa_token }, tooLong),
    set({ successToken: mfa_token }, 'a fine password'),
  ])
  for (const refusal of refusals) t.match(refusal, { status: 403, text: refusals[0]?.text ?? '' })
  const finish = (password: string) =>
    page('finish', { token: String(mfa_token), username: nobody(), password, repeated: password })
  const pages = await Promise.all([finish(tooLong), finish('a fine password')])
  for (const { status, text } of pages) t.match({ status, text }, { status: 403, text: pages[0]?.text ?? '' })
})
