import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashForLog } from '@rekey/platform/logger'
import { createCustomer, sql } from '@rekey/test-support/customers'
import { eventually } from '@rekey/test-support/eventually'
import {
  asBearer,
  askChange,
  askLogin,
  askRestore,
  backOfficeToken,
  change,
  claimsOf,
  login,
  messageAfter,
  restore,
  restoreBody,
  verificationBody,
  wrongCode,
} from '@rekey/test-support/flows'
import { startProcesses } from '@rekey/test-support/processes'
import t from 'tap'
import { pathsOf, readTree } from '../../scripts/trace/document.ts'
import { startReceiver } from '../../scripts/trace/receiver.ts'
import { groupsOf, printTraces } from '../../scripts/trace/tree.ts'
import { isFound } from '../security/search/encodings.ts'

const receiver = await startReceiver()
t.teardown(() => receiver.close())
const collectorKey = `key${randomInt(10 ** 11, 10 ** 12)}`
const processes = await startProcesses(t, {
  env: { ...receiver.variables, OTEL_EXPORTER_OTLP_HEADERS: `x-key=${collectorKey}` },
  gatewayEnv: { REKEY_CODE_DIGITS: '12' },
})
const { http } = processes
const newCustomer = () => createCustomer(processes.postgres.url)
const serviceNames = ['auth-gateway', 'password-service', 'notifier'] as const

/** Waits until every span of the group with this trace has come: none is missing between two others. */
const groupOf = (traceId: string, isWhole: (names: string[]) => boolean) =>
  eventually(
    () => {
      const group = groupsOf(receiver.spans).find((spans) => spans.some((span) => span.traceId === traceId)) ?? []
      const ids = new Set(group.map(({ spanId }) => spanId))
      const isConnected = group.every(({ parentSpanId }) => parentSpanId === '' || ids.has(parentSpanId))
      return isConnected && isWhole(group.map(({ name }) => name)) ? group : undefined
    },
    { what: `the spans of ${traceId}` },
  )

const traceOf = async (service: (typeof serviceNames)[number], event: string, challenge: string) =>
  String((await processes.logOf(service)).find((line) => line.event === event && line.challenge === challenge)?.traceId)

t.test('the traces of a restore have all its spans, are linked, and are those of docs/traces.md', async (t) => {
  const { email, phone, code: customer } = await newCustomer()
  // As the customer of the document. With one message after each step, no two outcomes are stored together.
  await sql(processes.postgres.url, "DELETE FROM identifier WHERE kind = 'phone' AND value = $1", [phone])
  const { answer, confirmation } = await askRestore(processes, email)
  const body = verificationBody(answer.body.mfa_token, confirmation)
  const { body: given } = await http.post('/oauth/v2/passwordRestoreVerification', body)
  t.equal((await restore(processes, String(given.sign_token), `restored-${customer}`)).status, 204)

  const challenge = hashForLog(String(claimsOf(String(answer.body.mfa_token)).sub))
  const asked = await traceOf('auth-gateway', 'authn_challenge_sent', challenge)
  const answered = await traceOf('auth-gateway', 'authn_challenge_success', challenge)
  const isWhole = (names: string[]) =>
    names.filter((name) => name === 'UPDATE message').length === 2 && names.includes('EVALSHA end-all.lua')
  const spans = await groupOf(asked, isWhole)
  t.equal(await traceOf('password-service', 'code_handed_to_notifier', challenge), asked, 'its trace in another log')

  const requests = spans.filter(({ kind, name }) => kind === 2 && name.startsWith('POST /'))
  const [first, second, , last] = requests.toSorted((one, other) => one.startMs - other.startMs)
  t.same([first?.traceId, second?.traceId], [asked, answered])
  t.same(second?.links, [{ traceId: asked, spanId: first?.spanId }], 'the code is linked to its request')
  t.same(last?.links, [{ traceId: answered, spanId: second?.spanId }], 'the new password is linked to the code')
  t.same(
    [first, second, last].map((span) => span?.attributes['rekey.challenge']),
    [challenge, challenge, challenge],
    'all have the challenge of the logs',
  )
  t.notOk(spans.some(({ isError }) => isError))

  const documented = readTree(readFileSync(join(import.meta.dirname, '../../docs/traces.md'), 'utf8'))
  // A new connection to Postgres may have been opened.
  const paths = pathsOf(printTraces(spans)).filter((path) => !path.endsWith(' SELECT'))
  t.same(paths, pathsOf(documented.split('\n')), 'npm run trace -- --write docs/traces.md')
})

t.test("a stranger's traceparent is linked and not continued, and its flag decides nothing", async (t) => {
  const caller = { traceId: 'a1'.repeat(16), spanId: 'b2'.repeat(8) }
  for (const flags of ['00', '01']) {
    const seen = receiver.spans.length
    await http.get('/.well-known/jwks.json', { traceparent: `00-${caller.traceId}-${caller.spanId}-${flags}` })
    const span = await eventually(() =>
      receiver.spans.slice(seen).find(({ name }) => name === 'GET /.well-known/jwks.json'),
    )
    t.same(span.links, [caller])
    t.not(span.traceId, caller.traceId)
  }
  await http.get('/.well-known/jwks.json', { traceparent: 'malformed' })
  await eventually(() => receiver.spans.filter(({ name }) => name === 'GET /.well-known/jwks.json').length >= 3)
})

t.test('S9 S35: an export has no code, password, token, username, address, id or key', async (t) => {
  const secrets = new Map<string, string>()
  const keep = (what: string, value: unknown) => {
    secrets.set(String(value), what)
    return String(value)
  }
  const keepPerson = async () => {
    const customer = await newCustomer()
    for (const name of ['email', 'phone', 'code', 'password'] as const) keep(name, customer[name])
    return customer
  }
  const marker = String(randomInt(10 ** 11, 10 ** 12))
  keep('a marker', marker)
  keep("the collector's key", collectorKey)
  // A code that is wrong, right, and used again; a grant that is used twice.
  const forgetful = await keepPerson()
  const { answer, confirmation } = await askRestore(processes, forgetful.email, { state: marker })
  const mfaToken = keep('an mfa_token', answer.body.mfa_token)
  keep('a challenge', claimsOf(mfaToken).sub)
  const verify = (code: string) =>
    http.post('/oauth/v2/passwordRestoreVerification', { ...verificationBody(mfaToken, code), state: marker })
  await verify(keep('a wrong code', wrongCode(confirmation)))
  const signToken = keep('a sign token', (await verify(keep('a code', confirmation))).body.sign_token)
  await verify(confirmation)
  await restore(processes, signToken, keep('a refused password', `no-${marker}`.slice(0, 7)))
  t.equal((await restore(processes, signToken, keep('a new password', `restored-${marker}`))).status, 204)
  await restore(processes, signToken, `again-${marker}`)
  // By SMS; for an unknown username; a wrong password.
  const { phone } = await keepPerson()
  const bySms = await messageAfter(processes, phone, () => http.post('/oauth/v2/passwordRestore', restoreBody(phone)))
  keep('a code by SMS', bySms.confirmation)
  await http.post('/oauth/v2/passwordRestore', restoreBody(`nobody@${marker}.example.com`))
  const person = await keepPerson()
  await login(processes, { ...person, password: keep('a wrong password', `wrong-${marker}`) })
  // Sign-in, change, history, refresh.
  const signIn = await askLogin(processes, person)
  const mfa = { mfa_token: signIn.answer.body.mfa_token, code: keep('a code of a sign-in', signIn.confirmation) }
  const { body: tokens } = await http.post('/oauth/v2/token', { grant_type: 'mfa_oob', ...mfa })
  const accessToken = keep('an access token', tokens.access_token)
  keep('a refresh token', tokens.refresh_token)
  await http.post('/oauth/v2/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  const opened = await askChange(processes, person, accessToken)
  const proof = { token: opened.answer.body.token, code: keep('a code of a change', opened.confirmation) }
  const { body: granted } = await http.post('/api/v2/my/2fa/challenge', proof)
  const successToken = keep('a success token', granted.successToken)
  t.equal((await change(processes, accessToken, successToken, keep('a password', `changed-${marker}`))).status, 204)
  await http.get(`/api/v2/my/password/changes?limit=1&offset=${marker}`, asBearer(accessToken))
  // Staff: a search, a reset, a password.
  const staff = asBearer(keep('a staff token', await backOfficeToken(processes)))
  keep('a client secret', 'secretkey')
  await http.get(`/api/v2/clients?email=${encodeURIComponent(person.email)}`, staff)
  const reset = await http.post(`/api/v2/clients/${person.id}/reset-password`, { reason: `words ${marker}` }, staff)
  t.equal(reset.status, 202)
  const json = { 'content-type': 'application/json' }
  const newPassword = JSON.stringify({ password: `set-${marker}`, reason: marker })
  await http.send('PUT', `/api/v2/clients/${person.id}/password`, { ...staff, ...json }, newPassword)
  // In places where they do not belong.
  await Promise.all([
    http.get(`/oauth/v2/${marker}?code=${marker}`),
    http.get(`/restore/${marker}`),
    http.get(`/api/v2/clients/${marker}/records?x=${marker}`, staff),
    http.get('/api/v2/my/password/changes', { cookie: `c=${marker}`, 'user-agent': marker, authorization: marker }),
    http.send('POST', '/oauth/v2/token', json, `{"code":"${marker}"`),
    http.send('POST', '/oauth/v2/token', { 'content-type': `x/${marker}` }, marker),
    http.send('POST', `/%zz${marker}`, {}, ''),
  ])
  const seen = receiver.spans.length
  await http.get('/oauth/v2/the-last-request')
  await eventually(() => receiver.spans.slice(seen).find(({ name }) => name === 'GET'), { what: 'the last request' })
  await eventually(() => receiver.spans.some(({ name }) => name === 'send notify.reset-requested'))

  const exported = receiver.bodies.filter((body) => body.startsWith('{"resourceSpans"')).join('\n')
  t.ok(isFound('POST /oauth/v2/passwordRestoreVerification', exported), 'the search finds what is there')
  t.ok(secrets.size >= 28, `${secrets.size} secrets`)
  for (const [secret, what] of secrets) t.notOk(isFound(secret, exported), what)
  t.ok(
    receiver.bodies.some((headers) => headers.includes(`"x-key":"${collectorKey}"`)),
    'the key is in a header',
  )
  for (const { name } of receiver.spans) if (/\d{3}|@|\?/.test(name)) t.fail(`the name of a span has a value: ${name}`)
})

t.test('a restore succeeds while the collector is away, and the log says so once', async (t) => {
  await receiver.close()
  const { email, code: customer } = await newCustomer()
  const { answer, confirmation } = await askRestore(processes, email)
  const body = verificationBody(answer.body.mfa_token, confirmation)
  const { body: given } = await http.post('/oauth/v2/passwordRestoreVerification', body)
  t.equal((await restore(processes, String(given.sign_token), `restored-${customer}`)).status, 204)
  const lines = await eventually(
    async () => {
      const found = (await processes.logOf('auth-gateway')).filter(({ event }) => event === 'traces_not_exported')
      return found.length > 0 ? found : undefined
    },
    { what: 'the log of traces that are not exported' },
  )
  t.same(
    lines.map(({ reason }) => reason),
    ['ECONNREFUSED'],
  )
  await processes.notifier.stop()
  await processes.passwordService.stop()
})
