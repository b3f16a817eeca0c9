import { createHash, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ChallengeIssued, NotifyCode, RestoreRequested } from '@rekey/contracts'
import { toKey, unseal } from '@rekey/platform/seal'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askChange,
  askLogin,
  askRestore,
  change,
  claimsOf,
  codesOf,
  messageAfter,
  restore,
  restoreBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { startProcesses } from '@rekey/test-support/processes'
import t, { type Test } from 'tap'
import { compactToken, createRequests } from './requests.ts'
import { isFound } from './search/forms.ts'
import { watchPlaces } from './search/places.ts'
import { startWiretap } from './wiretap.ts'

/** Of twelve digits none stands anywhere by chance. */
const processes = await startProcesses(t, {
  metrics: true,
  env: { LOG_LEVEL: 'trace' },
  gatewayEnv: { REKEY_CODE_DIGITS: '12', REKEY_RESEND_SECONDS: '1' },
})
const wiretap = await startWiretap(t, processes)
const places = await watchPlaces(t, processes, wiretap)
const rekey = { ...processes, http: places.http }
const { http } = rekey
const newCustomer = () => createCustomer(rekey.postgres.url)

const secretsOf = (path: string) => parseEnv(readFileSync(path, 'utf8')) as Record<string, string>
const keyFiles = {
  gateway: rekey.keys.authGateway,
  passwordService: rekey.keys.passwordService,
  notifier: rekey.keys.notifier,
}
const sealKey = toKey(secretsOf(keyFiles.notifier).REKEY_CODE_SEAL_KEY ?? '')

const codes = new Map<string, string>()
const others = new Map<string, string>()
const code = (what: string, value: string) => {
  codes.set(value, what)
  return value
}
const secret = (what: string, value: unknown) => {
  others.set(String(value), what)
  return String(value)
}

/** What is planted where a code must not be: twelve digits too. */
const marker = String(randomInt(10 ** 11, 10 ** 12))
/** Somebody whom nobody knows, and whose mask shows the marker. */
const unknown = `nobody@${marker}.example.com`
const traceparent = `00-${marker}${'a'.repeat(20)}-${'b'.repeat(16)}-01`

const { a1, a2, a4, b5b, b6, page, resend } = createRequests(rekey)

/** A1, A2, B2: with wrong codes before the right one, and a second use after it. */
const restoreByMail = async () => {
  const { email, code: customer } = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, email)
  code('of a restore', confirmation)
  const mfaToken = secret('an mfa_token', answer.body.mfa_token)
  await a2(mfaToken, code('a wrong guess', wrongCode(confirmation)))
  const given = await a2(mfaToken, confirmation)
  await a2(mfaToken, confirmation)
  await restore(rekey, secret('a sign token', given.body.sign_token), secret('a password', `restored-${customer}`))
  await restore(rekey, String(given.body.sign_token), 'x')
}

/** B5b, B6, B2, by phone. */
const restoreByPhone = async () => {
  const { phone, code: customer } = await newCustomer()
  const { answer, confirmation } = await messageAfter(rekey, phone, () => b5b({ phone }))
  const given = await b6(answer.body.token, code('of a restore by phone', confirmation))
  await restore(rekey, secret('a success token', given.body.successToken), secret('a password', `restored-${customer}`))
}

const restoreByPages = async () => {
  const { email, code: customer } = await newCustomer()
  const begun = await page('begin', { username: email })
  const token = begun.text.match(compactToken)?.[0] ?? ''
  const { confirmation } = codesOf(await rekey.inbox.waitForMessage(email))
  const form = { token, username: email, verification: '0000' }
  const proven = await page('answer', { ...form, code: code('of a restore on the pages', confirmation) })
  const password = secret('a password', `restored-${customer}`)
  const successToken = secret('a success token', proven.text.match(compactToken)?.[0])
  await page('finish', { token: successToken, username: email, password, repeated: password })
}

/** A4, A4b, A5, then B5, B6, B1. */
const signInAndChange = async () => {
  const customer = await newCustomer()
  secret('a password', customer.password)
  await a4(customer.email, secret('a wrong password', 'not my password'))
  const login = await askLogin(rekey, customer)
  const token = await http.post('/oauth/v2/token', {
    grant_type: 'mfa_oob',
    mfa_token: login.answer.body.mfa_token,
    code: code('of a sign-in', login.confirmation),
  })
  const accessToken = secret('an access token', token.body.access_token)
  const refreshToken = secret('a refresh token', token.body.refresh_token)
  const refreshed = await http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token: refreshToken })
  secret('a refresh token', refreshed.body.refresh_token)
  const opened = await askChange(rekey, customer, accessToken)
  const given = await b6(opened.answer.body.token, code('of a change', opened.confirmation))
  const successToken = secret('a success token', given.body.successToken)
  await change(rekey, accessToken, successToken, secret('a password', `changed-${customer.code}`))
}

/** Asked for twice and left open, so that all stores hold what they hold of open challenges. */
const leftOpen = async () => {
  const { email } = await newCustomer()
  code('of an open restore', (await askRestore(rekey, email, { state: marker })).confirmation)
  const { answer, confirmation } = await askRestore(rekey, email)
  code('that was replaced', confirmation)
  const resent = await messageAfter(rekey, email, () =>
    eventually(async () => {
      const sent = await resend(answer.body.mfa_token, email)
      return sent.status === 200 ? sent : undefined
    }),
  )
  code('that was sent again', resent.confirmation)
}

/** Where people and careless clients put codes that belong in a body. */
const misplaced = async () => {
  const { email } = await newCustomer()
  const { answer, confirmation } = await askRestore(rekey, email)
  const given = code('in the wrong place', confirmation)
  await Promise.all([
    http.get(`/oauth/v2/passwordRestoreVerification?code=${given}`),
    http.get(`/oauth/v2/${given}`),
    http.get(`/api/v2/my/password/changes?limit=${given}`, { authorization: `Bearer ${given}` }),
    http.get('/api/v2/my/password/changes', { cookie: `code=${given}`, referer: `${rekey.url}/?code=${given}` }),
    http.post('/oauth/v2/token', { grant_type: given, mfa_token: given, code: given }),
    http.post('/oauth/v2/token', { grant_type: 'mfa_oob', mfa_token: given, code: { [given]: given } }),
    a1(email, { username: given, scope: given, client_timezone: given }),
    http.post('/api/v2/my/password/restore', { password: given, [given]: given }, { successToken: given }),
    http.send('POST', '/api/v2/my/2fa/challenge', { 'content-type': 'application/json' }, `{"code":"${given}"`),
    page('answer', { token: String(answer.body.mfa_token), username: email, verification: given, code: given }),
  ])
}

/** With nobody who takes mail: the code, which waits at the broker, is learnt with the notifier's key. */
const undelivered = async () => {
  const { email } = await newCustomer()
  await processes.inbox.close()
  const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(email), { traceparent })
  const challenge = claimsOf(String(body.mfa_token)).sub
  const event = await eventually(() => wiretap.events(NotifyCode).find(({ challengeId }) => challengeId === challenge))
  code('that could not be delivered', await unseal(sealKey, event.challengeId, event.code))
  const traceId = traceparent.slice(3, 35)
  await eventually(
    async () => (await processes.logOf('notifier')).find((line) => line.err && line.traceId === traceId),
    {
      what: 'a delivery that failed',
    },
  )
}

t.test('S9 the search finds a code however it is written', (t) => {
  const value = '012345678901'
  const json = (padding: string) => JSON.stringify({ padding, code: value })
  const hidden = [
    json(''),
    JSON.stringify({ code: Number(value) }),
    ...['', 'x', 'xx'].map((padding) => Buffer.from(json(padding)).toString('base64')),
    Buffer.from(json('')).toString('hex'),
    createHash('sha256').update(value).digest('base64'),
    createHash('sha256').update(value).digest('base64url'),
  ]
  for (const text of hidden) t.ok(isFound(value, text), text)
  t.notOk(isFound(value, Buffer.from(json('').replaceAll(value, '012345078901')).toString('base64')))
  t.end()
})

let found: Record<string, string> = {}

t.test('S9 a code is in its message and nowhere else, in no form; sealed, only the notifier can open it', async (t) => {
  await Promise.all([restoreByMail(), restoreByPhone(), restoreByPages(), signInAndChange(), leftOpen(), misplaced()])
  await http.post('/oauth/v2/passwordRestore', restoreBody(unknown, { state: marker }), { traceparent })
  const named = await newCustomer()
  await sql(
    rekey.postgres.url,
    `INSERT INTO identifier (customer_id, kind, value) VALUES (${named.id}, 'phone', '+4${marker}')`,
  )
  await wiretap.allDealtWith()

  const messages = (await rekey.inbox.messages()).map(({ Text, HTML, Subject }) => ({ Text, HTML, Subject }))
  const typed = [...codes].filter(([, what]) => what !== 'a wrong guess')
  t.ok(typed.length >= 9)
  for (const [value, what] of typed) {
    t.match(value, /^\d{12}$/, what)
    t.equal(messages.filter(({ Text }) => Text.includes(value)).length, 1, `${what}: in one message`)
    t.notOk(
      messages.some(({ Subject }) => Subject.includes(value)),
      `${what}: not in what a locked phone shows`,
    )
  }

  await undelivered()
  found = await places.read()
  for (const [place, text] of Object.entries(found)) {
    for (const [value, what] of codes) t.notOk(isFound(value, text), `a code ${what} in ${place}`)
    // The search finds what is there: in metrics, which say nothing of anybody, a counter.
    const known = place.startsWith('metrics') ? 'process_cpu_seconds_total' : marker
    t.ok(isFound(known, text), `what is in ${place} is found`)
  }

  const sealed = [RestoreRequested, ChallengeIssued, NotifyCode].flatMap((kind) => wiretap.events(kind))
  t.ok(sealed.length >= 2 * typed.length, 'sealed, each goes by twice')
  for (const [service, file] of Object.entries(keyFiles)) {
    for (const [name, value] of Object.entries(secretsOf(file))) {
      const openings = sealed.map((event) => unseal(toKey(value), event.challengeId, event.code))
      const opened = (await Promise.allSettled(openings)).filter(({ status }) => status === 'fulfilled').length
      t.equal(opened, name === 'REKEY_CODE_SEAL_KEY' ? sealed.length : 0, `opened by ${name} of the ${service}`)
    }
  }
  t.notOk('REKEY_CODE_SEAL_KEY' in secretsOf(keyFiles.passwordService), 'who hands codes on has no key to them')
})

/** Where neither passwords nor tokens may be; the broker carries passwords to whoever verifies them. */
const kept = () => Object.entries(found).filter(([place]) => !/^answers|^tokens|^all that went/.test(place))
const logs = () => kept().filter(([place]) => place.startsWith('the log'))
/** Where the test before ended early there is nothing, in which nothing would be found. */
const isAllRead = (t: Test) => {
  t.equal(logs().length, 3)
  t.equal(
    kept().length,
    13,
    kept()
      .map(([place]) => place)
      .join(', '),
  )
}

t.test('S9 S35 no password, token or key is in a log, a metric or a store', async (t) => {
  isAllRead(t)
  t.ok(others.size >= 14)
  for (const [place, text] of kept()) {
    for (const [value, what] of others) t.notOk(isFound(value, text), `${what} in ${place}`)
  }
  const { d } = JSON.parse(readFileSync(rekey.keys.signingKeys, 'utf8')).keys[0]
  const keys = Object.values(keyFiles).flatMap((file) => Object.values(secretsOf(file)))
  for (const key of [d, ...keys]) {
    for (const [place, text] of Object.entries(found)) t.notOk(isFound(key, text), `a key in ${place}`)
  }
})

t.test('S35 no address or name that was typed is in a log, a stream, a metric or Redis', async (t) => {
  const people = await sql<{ value: string }>(rekey.postgres.url, 'SELECT value FROM identifier')
  t.ok(people.length > 10)
  isAllRead(t)
  for (const [place, text] of kept()) {
    if (place === 'Postgres') continue
    for (const name of [unknown, ...people.map(({ value }) => value)]) {
      // Not hashed either, but for the phone of which the marker is a part.
      if (name !== `+4${marker}`) t.notOk(isFound(name, text), `a name in ${place}`)
    }
  }
  for (const [place, text] of logs())
    t.notMatch(text, /authorization|cookie|successtoken|Basic [\w=]+|Bearer ey/i, place)
  for (const [place, text] of logs()) t.notMatch(text, /(postgres|redis|nats|smtp)s?:\/\/[^\s"]*:[^\s"@]*@/, place)
})

t.test(
  'S35 each line says when, how grave and in which trace, and each step of a restore and a change its own',
  async (t) => {
    const services = ['auth-gateway', 'password-service', 'notifier'] as const
    const lines = (await Promise.all(services.map(rekey.logOf))).flat()
    for (const line of lines) {
      if (!/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(line.time))) t.fail(`no UTC time: ${JSON.stringify(line)}`)
      if (!line.severity || !line.service) t.fail(`no severity or service: ${JSON.stringify(line)}`)
    }
    const about = {
      challenge: /^[0-9a-f]{16}$/,
      clientId: 'ib_localhost',
      address: '127.0.0.1',
      traceId: /^[0-9a-f]{32}$/,
    }
    const who = { customer: /^T[0-9a-f]{32}$/, clientId: 'ib_localhost', address: '127.0.0.1', actor: 'client' }
    const expected: [string, object][] = [
      ['authn_challenge_sent', { ...about, severity: 'info', attempt: 1 }],
      ['authn_challenge_fail', { ...about, severity: 'warn', reason: 'wrong', attempt: 1 }],
      ['authn_challenge_success', { ...about, severity: 'info' }],
      [
        'authn_login_fail',
        { severity: 'warn', account: about.challenge, clientId: 'ib_localhost', address: '127.0.0.1' },
      ],
      ['authn_login_success', { severity: 'info', clientId: 'ib_localhost' }],
      ['authn_password_change', { ...who, severity: 'info', traceId: about.traceId }],
      ['authn_password_restore', { ...who, severity: 'info', traceId: about.traceId }],
      [
        'authn_password_restore_fail',
        { severity: 'warn', reason: String, address: '127.0.0.1', traceId: about.traceId },
      ],
    ]
    for (const [event, fields] of expected)
      t.match(
        lines.find((line) => line.event === event),
        { event, ...fields },
      )
  },
)
