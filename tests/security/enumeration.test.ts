import { createHash, createHmac, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import { RestoreRequested } from '@rekey/contracts'
import { createCustomer } from '@rekey/test-support/customers'
import { claimsOf, codesOf, race } from '@rekey/test-support/flows'
import type { Answer } from '@rekey/test-support/http'
import { startRekey } from '@rekey/test-support/rekey'
import { titleOf } from '@rekey/test-support/visitor'
import { Redis } from 'ioredis'
import t from 'tap'
import { startMessageLog } from './message-log.ts'
import { compactToken, createRequests, maskOf, unknownEmail, wrong } from './requests.ts'

const codesAnHour = 10
const rekey = await startRekey(t, {
  gatewayEnv: {
    REKEY_LIMIT_CODE_ACCOUNT: `${codesAnHour}/1h`,
    REKEY_LIMIT_LOGIN_ACCOUNT: '5/1h',
    // Long enough that every attack's first resend comes within it, though all run at once.
    REKEY_RESEND_SECONDS: '20',
  },
})
const { http } = rekey
const messageLog = await startMessageLog(t, rekey)
const redis = new Redis(rekey.redis.url)
t.teardown(() => redis.quit())

const { a1, a2, a4, a4b, resend, b5b, b6, pages } = createRequests(rekey)

/** Sends the requests one after the other. */
const repeat = async (times: number, send: () => Promise<Answer>) => {
  const answers: Answer[] = []
  while (answers.length < times) answers.push(await send())
  return answers
}

/** Sends a request too early, then again after its Retry-After. */
const earlyAndInTime = async (send: () => Promise<Answer>) => {
  const early = await send()
  await delay(Number(early.headers.get('retry-after')) * 1_000)
  return [early, await send()]
}

/** Everything that an attacker can request for another's account, by its username. */
const attacks: Record<string, (email: string) => Promise<Answer[]>> = {
  'A1 requests a restore': async (email) => [await a1(email)],
  'A2 guesses codes until the challenge is locked': async (email) => {
    const { mfa_token } = (await a1(email)).body
    return repeat(6, () => a2(mfa_token, wrong))
  },
  'A4 guesses passwords until the quota is used up': (email) => repeat(6, () => a4(email, wrong)),
  'A4b requests another code, too early and in time': async (email) => {
    const { mfa_token } = (await a1(email)).body
    return earlyAndInTime(() => resend(mfa_token, email))
  },
  'A4b requests a code to the phone': async (email) => {
    const { mfa_token } = (await a1(email)).body
    return [await a4b(mfa_token, 'oob:sms:+44*******00')]
  },
  'B5b requests a restore': async (email) => [await b5b({ email })],
  'B6 guesses codes until the challenge is locked': async (email) => {
    const { token } = (await b5b({ email })).body
    return repeat(6, () => b6(token, wrong))
  },
  'the pages, until the challenge is locked': async (email) => {
    const visitor = pages()
    const start = await visitor.open('/restore')
    const begun = await visitor.submit(start, { username: email })
    const early = await visitor.submit(begun, {}, '/resend')
    await delay(Number(/data-wait="(\d+)"/.exec(early.text)?.[1]) * 1_000)
    const resent = await visitor.submit(early, {}, '/resend')
    const answers = [start, begun, early, resent]
    for (let count = 0; count < 6; count += 1) {
      const { action, fields } = visitor.formOf(resent, '/code')
      // Another turn each time: the attacker wants each press to be compared.
      answers.push(await visitor.post(action, { ...fields, turn: String(count), code: wrong }))
    }
    return answers
  },
}

const useUpQuota = (email: string) => repeat(codesAnHour, () => a1(email))
const failTenTimes = async (email: string) => {
  for (const { body } of await repeat(2, () => a1(email))) await repeat(5, () => a2(body.mfa_token, wrong))
}
/** Waits for a code first: wrong ones that are submitted before it is sent lock restore, and it is suppressed. */
const failTenTimesAfterCode = async (email: string) => {
  await a1(email)
  await rekey.inbox.waitForMessage(email)
  await failTenTimes(email)
}
const customer = async (status: 'active' | 'blocked' = 'active') =>
  (await createCustomer(rekey.postgres.url, { status })).email

interface Account {
  make: () => Promise<string>
  prepare?: (email: string) => Promise<unknown>
  /** Why its codes are suppressed, as the event says. */
  withheld?: 'budget' | 'limit'
}
const withoutAccount = async () => unknownEmail()

/** Accounts that an attacker must not be able to tell apart. */
const accounts: Record<string, Account> = {
  known: { make: customer },
  unknown: { make: withoutAccount },
  'blocked by the back office': { make: () => customer('blocked') },
  'locked by wrong codes': { make: customer, prepare: failTenTimesAfterCode, withheld: 'budget' },
  'unknown, and locked by wrong codes': { make: withoutAccount, prepare: failTenTimes, withheld: 'budget' },
  'over its quota': { make: customer, prepare: useUpQuota, withheld: 'limit' },
  'unknown, and over its quota': { make: withoutAccount, prepare: useUpQuota, withheld: 'limit' },
}

/** Random and time-dependent parts of an answer, and the placeholder that replaces each. */
const random: [RegExp, string][] = [
  [/[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}/g, 'id'],
  [/restore\.[\w-]{43}/g, 'account'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.000)?/g, 'time'],
  [/"(exp|iat)":\d{10}/g, 'seconds'],
  [/mfa_token:\d{4}|"code":"\d{4}"|<strong dir="ltr">\d{4}<\/strong>/g, 'verification code'],
  [/restore\/[\w-]{22}|(?<="flow" value=")[\w-]{22}/g, 'flow'],
  [/(?<="csrf" value=")[\w-]{43}/g, 'form token'],
  [/data-(wait|expires)="\d+"|(?<=data-clock dir="ltr">)\d+:\d\d/g, 'wait'],
]
const withoutRandom = (text: string) =>
  random.reduce((masked, [pattern, word]) => masked.replaceAll(pattern, word), text)

/** What must be the same for every account: of tokens, the claims and the length. */
const shapeOf = ({ status, headers, text }: Answer, email: string) => {
  const openTokens = (_: string, token: string) => `${JSON.stringify(claimsOf(token))} in ${token.length}`
  const opened = text.replace(new RegExp(`(${compactToken.source})`, 'g'), openTokens)
  const masked = withoutRandom(opened).replaceAll(maskOf(email), 'mask').replaceAll(email, 'username')
  const waits = ['retry-after', 'ratelimit', 'ratelimit-reset']
  // The number of digits depends on how long the machine took.
  const secondsOf = (name: string) => headers.get(name)?.replaceAll(/\d+/g, '0')
  // A page says how long to wait in words, whose length depends on the number.
  const inWords = /in \d+ seconds?/.exec(text)?.[0] ?? ''
  // Of pages the masked text has the length that counts, because waits have one digit or two.
  const isPage = headers.get('content-type')?.startsWith('text/html')
  const others = [...headers]
    .filter(([name]) => !['date', ...waits, ...(isPage ? ['content-length'] : [])].includes(name))
    .map(([name, value]) => [name, name === 'content-length' ? Number(value) - inWords.length : value])
    .map(([name, value]) => [name, String(value).replace(/(?<=rekey-browser=)[\w-]{43}/, 'secret')])
  const wait = waits.map(secondsOf)
  return { status, wait, headers: others, masked: masked.replace(inWords || /^$/, 'in a while') }
}

const challengesIn = (answers: Answer[]) =>
  answers.flatMap(({ text }) => (text.match(compactToken) ?? []).map((token) => String(claimsOf(token).sub)))

t.test('S11 answers are the same for known, unknown, blocked, locked and over-quota accounts', async (t) => {
  const outcomes = await Promise.all(
    Object.entries(attacks).flatMap(([attack, run]) =>
      Object.entries(accounts).map(async ([account, { make, prepare, withheld }]) => {
        const email = await make()
        await prepare?.(email)
        const answers = await run(email)
        return { attack, account, email, answers, withheld, shapes: answers.map((answer) => shapeOf(answer, email)) }
      }),
    ),
  )
  const shapesOf = (wanted: string) =>
    outcomes.find(({ attack, account }) => attack === wanted && account === 'known')?.shapes
  for (const { attack, account, shapes } of outcomes) t.same(shapes, shapesOf(attack), `${attack}: ${account}`)
  const statuses = (attack: string) => shapesOf(attack)?.map(({ status }) => status)
  t.same(statuses('A4 guesses passwords until the quota is used up'), [400, 400, 400, 400, 400, 429])
  t.same(statuses('A4b requests another code, too early and in time'), [429, 200])
  t.match(
    shapesOf('A2 guesses codes until the challenge is locked')
      ?.map(({ masked }) => masked)
      .at(-1),
    'access_denied',
  )

  // A right password makes no difference for a blocked customer.
  const blocked = await createCustomer(rekey.postgres.url, { status: 'blocked' })
  const unknown = unknownEmail()
  t.same(shapeOf(await a4(blocked.email, blocked.password), blocked.email), shapeOf(await a4(unknown, wrong), unknown))

  // Proves that the accounts were prepared as named: their codes, and no others, were suppressed.
  await messageLog.allHandled()
  const events = Map.groupBy(messageLog.events(RestoreRequested), ({ challengeId }) => challengeId)
  for (const { attack, account, answers, withheld } of outcomes) {
    for (const challenge of challengesIn(answers)) {
      const reasons = events.get(challenge)?.map((event) => event.withheld) ?? []
      t.ok(reasons.length > 0 && reasons.every((reason) => reason === withheld), `${attack}: ${account}`)
    }
  }
  // A blocked customer is notified that a code was asked for; that message has none.
  const withCodes = (await rekey.inbox.messages()).filter((message) => codesOf(message).confirmation !== '')
  const reached = new Set(withCodes.flatMap(({ To }) => To.map(({ Address }) => Address)))
  for (const { attack, account, email } of outcomes) {
    if (attack.startsWith('A4 ')) continue
    const isReached = ['known', 'locked by wrong codes', 'over its quota'].includes(account)
    t.equal(reached.has(email), isReached, `codes sent: ${account}`)
  }
})

t.test('S11 the comparison finds a difference: a right password, one more field, one more header', async (t) => {
  const { email, password } = await createCustomer(rekey.postgres.url)
  t.notSame(shapeOf(await a4(email, password), email), shapeOf(await a4(email, wrong), email))
  const other = unknownEmail()
  const [first, second] = [await a1(email), await a1(other)]
  t.same(shapeOf(first, email), shapeOf(second, other))
  t.notSame(
    shapeOf({ ...first, text: first.text.replace('"state"', '"known":1,"state"') }, email),
    shapeOf(second, other),
  )
  first.headers.set('x-known', '1')
  t.notSame(shapeOf(first, email), shapeOf(second, other))
})

/** A username in upper and lower case, composed and decomposed. */
const spellings = (name: string) => {
  const forms = [name.normalize('NFC'), name.normalize('NFD')]
  return forms.flatMap((form) => [form.toLowerCase(), form.toUpperCase()])
}

t.test('S13 all spellings of a username share one quota, whether or not the account exists', async (t) => {
  const name = `zoë.ünal-${randomUUID()}@example.com`
  const variants = spellings(name)
  t.equal(new Set(variants).size, 4)
  const before = messageLog.events(RestoreRequested).length
  for (let count = 0; count < codesAnHour; count += 1) await a1(variants[count % 4] ?? '')
  for (const variant of variants) t.equal((await a1(variant)).status, 200)
  await messageLog.allHandled()
  const withheld = messageLog
    .events(RestoreRequested)
    .slice(before)
    .map((event) => event.withheld)
  t.same(withheld, [...Array(codesAnHour).fill(undefined), ...Array(4).fill('limit')])

  const signIns = await race(8, (index) => a4(variants[index % 4] ?? '', wrong))
  t.same(signIns.map(({ status }) => status).toSorted(), [400, 400, 400, 400, 400, 429, 429, 429])
})

t.test(
  'S13 S8 keys in Redis have an HMAC of the normalised username, never the username or its plain hash',
  async (t) => {
    const [known, unknown] = [await customer(), unknownEmail()]
    for (const email of [known, unknown]) {
      await Promise.all([failTenTimes(email), b5b({ email: email.toUpperCase() }), a4(email, wrong)])
    }
    const keys = await redis.keys('*')
    const contents = await Promise.all(
      keys.map(async (key) => {
        const type = await redis.type(key)
        if (type === 'zset') return `${key} ${await redis.zrange(key, '0', '-1')}`
        return `${key} ${type === 'hash' ? JSON.stringify(await redis.hgetall(key)) : await redis.get(key)}`
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
          'no username',
        )
    }
  },
)

t.test('S14 no answer shows an address that the caller did not type before the password is proven', async (t) => {
  const person = await createCustomer(rekey.postgres.url)
  const answers = (await Promise.all(Object.values(attacks).map((run) => run(person.email)))).flat()
  for (const { text, headers } of answers) {
    const tokens = (text.match(compactToken) ?? []).map((token) => JSON.stringify(claimsOf(token)))
    const everything = [text, ...tokens, JSON.stringify([...headers])].join()
    t.notMatch(everything, /\+44\*|oob:sms/, 'no phone')
    t.notMatch(everything, person.code, 'no customer code')
  }
  const { email, password, phone } = await createCustomer(rekey.postgres.url)
  t.match(
    (await a4(email, password)).text,
    `oob:sms:+44*******${phone.slice(-2)}`,
    'the phone, masked, after the password',
  )
  // The right mask of another device gets the same answer as any wrong mask.
  const { mfa_token } = (await a1(person.email)).body
  const guessed = await a4b(mfa_token, `oob:sms:+44*******${person.phone.slice(-2)}`)
  t.match(guessed, { status: 400, body: { error: 'invalid_request' } })
  t.same(guessed.text, (await a4b(mfa_token, 'oob:sms:+44*******xx')).text)
})

t.test('S14 the policy checks a password only after the code was verified', async (t) => {
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
  const finish = async (password: string) => {
    const visitor = pages()
    const { action, fields } = visitor.formOf(await visitor.askCode(unknownEmail()), '/code')
    return titleOf(await visitor.post(action.replace('/code', '/password'), { ...fields, password }))
  }
  t.same(await Promise.all([finish(tooLong), finish('a fine password')]), ['Check your email', 'Check your email'])
})
