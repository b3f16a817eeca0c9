import { createHash, randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ChallengeIssued, CustomersUpsert, NotifyCode, RestoreRequested } from '@rekey/contracts'
import { toKeys } from '@rekey/platform/keys'
import { unseal } from '@rekey/platform/seal'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  askChange,
  askLogin,
  askRestore,
  change,
  claimsOf,
  messageAfter,
  restore,
  restoreBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { startProcesses } from '@rekey/test-support/processes'
import { confirmationFor } from '@rekey/test-support/visitor'
import { connect, headers } from 'nats'
import t, { type Test } from 'tap'
import { startMessageLog } from './message-log.ts'
import { createRequests } from './requests.ts'
import { isFound } from './search/encodings.ts'
import { watchPlaces } from './search/places.ts'

/** Twelve digits: a shorter code could occur somewhere by chance. */
const processes = await startProcesses(t, {
  metrics: true,
  env: { LOG_LEVEL: 'trace' },
  gatewayEnv: { REKEY_CODE_DIGITS: '12', REKEY_RESEND_SECONDS: '1' },
})
const messageLog = await startMessageLog(t, processes)
const places = await watchPlaces(t, processes, messageLog)
const rekey = { ...processes, http: places.http }
const { http } = rekey
const newCustomer = () => createCustomer(rekey.postgres.url)

const secretsOf = (path: string) => parseEnv(readFileSync(path, 'utf8')) as Record<string, string>
const keyFiles = {
  gateway: rekey.keys.authGateway,
  passwordService: rekey.keys.passwordService,
  notifier: rekey.keys.notifier,
}
const sealKey = toKeys(secretsOf(keyFiles.notifier).REKEY_CODE_SEAL_KEY ?? '')

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

/** Twelve digits that are planted everywhere: a search that does not find them there is broken. */
const marker = String(randomInt(10 ** 11, 10 ** 12))
/** An address without an account, whose masked form shows the marker. */
const unknown = `nobody@${marker}.example.com`
const traceparent = `00-${marker}${'a'.repeat(20)}-${'b'.repeat(16)}-01`

const { a1, a2, a4, b5b, b6, pages, resend } = createRequests(rekey)

/** A1, A2, B2, with a wrong code before the right one, and a second use of code and token. */
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
  const visitor = pages()
  const begun = await visitor.askCode(email)
  const confirmation = code('of a restore on the pages', await confirmationFor(rekey.inbox, begun, email))
  await visitor.submit(begun, { code: code('a wrong guess', wrongCode(confirmation)) })
  const proven = await visitor.submit(begun, { code: confirmation })
  const password = secret('a password', `restored-${customer}`)
  await visitor.submit(proven, { password: secret('a refused password', `no-${customer}`.slice(0, 7)) })
  await visitor.submit(proven, { password }, '/password')
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

/** Leaves challenges open, one of them resent: the stores then hold all they ever hold of a challenge. */
const leaveOpen = async () => {
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

/** Sends a code in every place where users and careless clients put it by mistake. */
const sendMisplaced = async () => {
  const { email } = await newCustomer()
  const { confirmation } = await askRestore(rekey, email)
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
    pages().post(`/restore/${'x'.repeat(22)}/code`, { csrf: given, turn: '1', code: given }),
    pages().post('/restore', { csrf: given, flow: 'x'.repeat(22), username: given }),
  ])
}

/** Plants the marker in traces: an RPC of the platform continues its caller's, and a log names that of a caller by HTTP. */
const plantTrace = async () => {
  const { code: customer, email, phone } = await newCustomer()
  const meta = headers()
  meta.set('traceparent', traceparent)
  const identifiers = [`also-${email}`, email, phone].map((value) => ({ value, verified: true }))
  const connection = await connect({ servers: rekey.nats.url })
  const request = JSON.stringify({ customer, identifiers })
  const reply = await connection.request(CustomersUpsert.subject, request, { headers: meta, timeout: 60_000 })
  await connection.close()
  const services = [rekey.gateway, rekey.passwordService, rekey.notifier]
  await Promise.all(services.map(({ url }) => fetch(`${url}/nothing`, { headers: { traceparent } })))
  return reply.json<{ stored: boolean }>()
}

/** Closes the inbox, so that a code waits at the broker; the notifier's key opens it. */
const leaveUndelivered = async () => {
  const { email } = await newCustomer()
  await processes.inbox.close()
  const callerTraceId = randomBytes(16).toString('hex')
  const { body } = await http.post('/oauth/v2/passwordRestore', restoreBody(email), {
    traceparent: `00-${callerTraceId}-${'b'.repeat(16)}-01`,
  })
  const challenge = claimsOf(String(body.mfa_token)).sub
  const event = await eventually(() =>
    messageLog.events(NotifyCode).find(({ challengeId }) => challengeId === challenge),
  )
  code('that could not be delivered', await unseal(sealKey, event.challengeId, event.code))
  const logged = await processes.logOf('auth-gateway')
  const { traceId } = logged.find((line) => line.callerTraceId === callerTraceId) ?? {}
  await eventually(
    async () => (await processes.logOf('notifier')).find((line) => line.err && line.traceId === traceId),
    {
      what: 'a failed delivery',
    },
  )
}

t.test('S9 the search finds a code in every encoding', (t) => {
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

t.test(
  'S9 a code is in its message and nowhere else in any encoding; only the notifier can open it when sealed',
  async (t) => {
    await Promise.all([
      restoreByMail(),
      restoreByPhone(),
      restoreByPages(),
      signInAndChange(),
      leaveOpen(),
      sendMisplaced(),
    ])
    await http.post('/oauth/v2/passwordRestore', restoreBody(unknown, { state: marker }))
    t.match(await plantTrace(), { stored: true })
    const named = await newCustomer()
    await sql(
      rekey.postgres.url,
      `INSERT INTO identifier (customer_id, kind, value) VALUES (${named.id}, 'phone', '+4${marker}')`,
    )
    await messageLog.allHandled()

    const messages = (await rekey.inbox.messages()).map(({ Text, HTML, Subject }) => ({ Text, HTML, Subject }))
    const typed = [...codes].filter(([, what]) => what !== 'a wrong guess')
    t.ok(typed.length >= 9)
    for (const [value, what] of typed) {
      t.match(value, /^\d{12}$/, what)
      t.equal(messages.filter(({ Text }) => Text.includes(value)).length, 1, `${what}: in one message`)
      t.notOk(
        messages.some(({ Subject }) => Subject.includes(value)),
        `${what}: not in the subject, which a locked phone shows`,
      )
    }

    await leaveUndelivered()
    found = await places.read()
    for (const [place, text] of Object.entries(found)) {
      for (const [value, what] of codes) t.notOk(isFound(value, text), `a code ${what} in ${place}`)
      // Proves that the search finds what is there. Metrics have no marker: they have no personal data.
      const present = place.startsWith('metrics') ? 'process_cpu_seconds_total' : marker
      t.ok(isFound(present, text), `the search works in ${place}`)
    }

    const sealed = [RestoreRequested, ChallengeIssued, NotifyCode].flatMap((kind) => messageLog.events(kind))
    t.ok(sealed.length >= 2 * typed.length, 'each code was published twice, sealed')
    for (const [service, file] of Object.entries(keyFiles)) {
      for (const [name, value] of Object.entries(secretsOf(file))) {
        const openings = sealed.map((event) => unseal(toKeys(value), event.challengeId, event.code))
        const opened = (await Promise.allSettled(openings)).filter(({ status }) => status === 'fulfilled').length
        t.equal(opened, name === 'REKEY_CODE_SEAL_KEY' ? sealed.length : 0, `opened by ${name} of the ${service}`)
      }
    }
    t.notOk('REKEY_CODE_SEAL_KEY' in secretsOf(keyFiles.passwordService), 'the password-service has no key for codes')
  },
)

/** Places where neither passwords nor tokens may be. Not the broker's traffic: RPCs carry passwords. */
const persistent = () => Object.entries(found).filter(([place]) => !/^answers|^tokens|^all that went/.test(place))
const logs = () => persistent().filter(([place]) => place.startsWith('the log'))
/** Fails if the first test ended before it read all places: a search in nothing finds nothing. */
const assertAllRead = (t: Test) => {
  t.equal(logs().length, 3)
  t.equal(
    persistent().length,
    13,
    persistent()
      .map(([place]) => place)
      .join(', '),
  )
}

t.test('S9 S35 no password, token or key is in a log, a metric or a store', async (t) => {
  assertAllRead(t)
  t.ok(others.size >= 14)
  for (const [place, text] of persistent()) {
    for (const [value, what] of others) t.notOk(isFound(value, text), `${what} in ${place}`)
  }
  const { d } = JSON.parse(readFileSync(rekey.keys.signingKeys, 'utf8')).keys[0]
  const keys = Object.values(keyFiles).flatMap((file) => Object.values(secretsOf(file)))
  for (const key of [d, ...keys]) {
    for (const [place, text] of Object.entries(found)) t.notOk(isFound(key, text), `a key in ${place}`)
  }
})

t.test('S35 no e-mail address, phone number or username is in a log, a stream, a metric or Redis', async (t) => {
  const people = await sql<{ value: string }>(rekey.postgres.url, 'SELECT value FROM identifier')
  t.ok(people.length > 10)
  assertAllRead(t)
  for (const [place, text] of persistent()) {
    if (place === 'Postgres') continue
    for (const name of [unknown, ...people.map(({ value }) => value)]) {
      // The marker is planted, and this phone number contains it.
      if (name !== `+4${marker}`) t.notOk(isFound(name, text), `a username in ${place}`)
    }
  }
  for (const [place, text] of logs())
    t.notMatch(text, /authorization|cookie|successtoken|Basic [\w=]+|Bearer ey/i, place)
  for (const [place, text] of logs()) t.notMatch(text, /(postgres|redis|nats|smtp)s?:\/\/[^\s"]*:[^\s"@]*@/, place)
})

t.test(
  'S35 each log line has time and severity, and each step of a restore and a change has its own event',
  async (t) => {
    const services = ['auth-gateway', 'password-service', 'notifier'] as const
    const lines = (await Promise.all(services.map(rekey.logOf))).flat()
    for (const line of lines) {
      if (!/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(line.time))) t.fail(`no UTC time: ${JSON.stringify(line)}`)
      if (!line.severity || !line.service) t.fail(`no severity or service: ${JSON.stringify(line)}`)
    }
    const challengeFields = {
      challenge: /^[0-9a-f]{16}$/,
      clientId: 'ib_localhost',
      address: '127.0.0.1',
      traceId: /^[0-9a-f]{32}$/,
    }
    const customerFields = {
      customer: /^T[0-9a-f]{32}$/,
      clientId: 'ib_localhost',
      address: '127.0.0.1',
      actor: 'client',
    }
    const expected: [string, object][] = [
      ['authn_challenge_sent', { ...challengeFields, severity: 'info', attempt: 1 }],
      ['authn_challenge_fail', { ...challengeFields, severity: 'warn', reason: 'wrong', attempt: 1 }],
      ['authn_challenge_success', { ...challengeFields, severity: 'info' }],
      [
        'authn_login_fail',
        { severity: 'warn', account: challengeFields.challenge, clientId: 'ib_localhost', address: '127.0.0.1' },
      ],
      ['authn_login_success', { severity: 'info', clientId: 'ib_localhost' }],
      ['authn_password_change', { ...customerFields, severity: 'info', traceId: challengeFields.traceId }],
      ['authn_password_restore', { ...customerFields, severity: 'info', traceId: challengeFields.traceId }],
      [
        'authn_password_restore_fail',
        { severity: 'warn', reason: String, address: '127.0.0.1', traceId: challengeFields.traceId },
      ],
    ]
    for (const [event, fields] of expected)
      t.match(
        lines.find((line) => line.event === event),
        { event, ...fields },
      )
  },
)
